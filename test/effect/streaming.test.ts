import { describe, expect, it } from "@effect/vitest"
import { ChatOperations, ChatStream } from "@weavai/effect"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { setImmediate } from "node:timers/promises"
import { clientFor, failureOf, inProcess } from "../support/client.ts"
import { type RawServer, rawServer, type Script } from "../support/rawServer.ts"
import { chunk, event, eventStream, eventStreamHead, head, json, lastChunk } from "../support/responses.ts"
import { expectAsItIsWritten, readToFailure } from "../support/streamedAnswer.ts"
import * as wire from "../support/wireExamples.ts"

const stream = ChatOperations.streamChat(wire.question)

const whole = eventStream(wire.piece("Hail "), wire.piece("is covered."))

describe("a streamed answer", () => {
  it.effect("comes piece by piece", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(whole))
      const pieces = yield* stream.pipe(Stream.runCollect, Effect.provide(clientFor(server)))
      expect(pieces.map((piece) => piece.text)).toEqual(["Hail ", "is covered."])
      expect(pieces[0]).toMatchObject({ chatId: wire.chatId, searchResults: [], generateButton: null })
    })
  )

  it.effect("comes as it is written, not at its end", () => expectAsItIsWritten(clientFor))

  it.effect("arrives a byte at a time over a socket as well", () =>
    Effect.gen(function* () {
      const body = Buffer.from(`data: ${JSON.stringify(wire.piece("é🌩"))}\r\n\r\n`)
      const server = yield* rawServer(async ({ end, write }) => {
        await write(head({ "content-type": "text/event-stream", connection: "close" }))
        for (const byte of body) await write(Uint8Array.of(byte))
        end()
      })
      expect((yield* stream.pipe(ChatStream.collect, Effect.provide(clientFor(server)))).text).toBe("é🌩")
    })
  )

  it.effect("is asked for when the stream is run, once for each run", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(whole))
      const answer = ChatStream.collect(stream).pipe(Effect.provide(clientFor(server)))
      expect(server.requests.length).toBe(0)
      yield* answer
      expect(server.requests.length).toBe(1)
      yield* answer
      expect(server.requests.length).toBe(2)
    })
  )
})

describe("an answer that breaks off", () => {
  const answered = eventStreamHead + chunk(event(wire.piece("Hail "))) + chunk(event(wire.piece("is")))
  const headWith = (headers: object) => head({ "content-type": "text/event-stream", "x-request-id": "r-7", ...headers })
  const events = event(wire.piece("Hail ")) + event(wire.piece("is"))

  it.effect.each<[string, Script]>([
    [
      "reset inside a chunked body",
      async ({ reset, write }) => {
        await write(answered)
        reset()
      }
    ],
    [
      "closed inside a chunked body",
      async ({ end, write }) => {
        await write(answered)
        end()
      }
    ],
    [
      "closed inside a chunk",
      async ({ end, write }) => {
        await write(answered + "ff\r\ndata: {")
        end()
      }
    ],
    [
      "closed before the declared length",
      async ({ end, write }) => {
        await write(headWith({ "content-length": "100000" }) + events)
        end()
      }
    ],
    [
      "reset before the declared length",
      async ({ reset, write }) => {
        await write(headWith({ "content-length": "100000" }) + events)
        reset()
      }
    ],
    ["an error in the stream", ({ write }) => write(answered + chunk(event({ error: "overloaded" })) + lastChunk)],
    ["a clean end inside an event", ({ write }) => write(answered + chunk('data: {"text": "cov') + lastChunk)]
  ])("%s: its pieces come first, and the failure holds the answer so far", ([, script]) =>
    Effect.gen(function* () {
      const { failure, texts } = yield* readToFailure(clientFor, script)
      expect(texts).toEqual(["Hail ", "is"])
      if (failure._tag !== "StreamInterrupted") return expect.fail(`${failure}`)
      expect(failure.operation).toBe("streamChat")
      expect(failure.answer).toMatchObject({ text: "Hail is", chatId: wire.chatId })
      expect(failure.message).toMatch(/^streamChat: the answer broke off after 7 characters: ./)
    })
  )

  it.effect("before its first piece", () =>
    Effect.gen(function* () {
      const { failure, texts } = yield* readToFailure(clientFor, async ({ reset, write }) => {
        await write(headWith({ "transfer-encoding": "chunked" }) + chunk(": hello\n\n"))
        reset()
      })
      expect(texts).toEqual([])
      expect(failure).toMatchObject({ _tag: "StreamInterrupted", answer: null, requestId: "r-7" })
      expect(failure.message).toMatch(/^streamChat: the answer broke off before its first piece: ./)
    })
  )

  it.effect("after [DONE] is whole", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(async ({ reset, write }) => {
        await write(answered + chunk("data: [DONE]\n\n"))
        reset()
      })
      const answer = yield* stream.pipe(ChatStream.collect, Effect.provide(clientFor(server)))
      expect(answer.text).toBe("Hail is")
    })
  )

  it.effect("by a status is no stream", () =>
    Effect.gen(function* () {
      const { failure, texts } = yield* readToFailure(clientFor, ({ write }) =>
        write(json({ detail: "no" }, { status: 404 }))
      )
      expect(texts).toEqual([])
      expect(failure).toMatchObject({ _tag: "NotFound", operation: "streamChat", detail: "no" })
    })
  )
})

describe("snapshots", () => {
  const snapshots = ChatOperations.streamChat(wire.question, { pieces: "snapshot" })
  const answeredWith = (...texts: ReadonlyArray<string>) =>
    inProcess(
      () =>
        new Response(texts.map((text) => event(wire.piece(text))).join(""), {
          headers: { "content-type": "text/event-stream" }
        })
    )

  it.effect("are yielded as deltas", () =>
    Effect.gen(function* () {
      const service = answeredWith("Hail", "Hail", "Hail is", "Hail is covered.")
      const pieces = yield* snapshots.pipe(Stream.runCollect, Effect.provide(service))
      expect(pieces.map(({ text }) => text)).toEqual(["Hail", "", " is", " covered."])
      expect((yield* snapshots.pipe(ChatStream.collect, Effect.provide(service))).text).toBe("Hail is covered.")
    })
  )

  it.effect("that do not extend each other are no snapshots", () =>
    Effect.gen(function* () {
      const service = answeredWith("Hail", " is covered.")
      const failure = yield* snapshots.pipe(Stream.runDrain, failureOf, Effect.provide(service))
      expect(failure).toMatchObject({ _tag: "InvalidResponse", description: expect.stringContaining("deltas") })
    })
  )
})

describe("ChatStream", () => {
  it.effect("collect yields what chat would have", () =>
    Effect.gen(function* () {
      const { chatResponse } = wire
      const [start, end] = [chatResponse.text.slice(0, 10), chatResponse.text.slice(10)]
      const server = yield* rawServer(({ request, write }) =>
        write(
          JSON.parse(request.body).stream
            ? eventStream({ ...chatResponse, text: start }, { ...chatResponse, text: "" }, wire.piece(end))
            : json(chatResponse)
        )
      )
      const [reply, collected] = yield* Effect.all([
        ChatOperations.chat(wire.question),
        ChatStream.collect(stream)
      ]).pipe(Effect.provide(clientFor(server)))
      expect(collected).toEqual(reply)
    })
  )

  it.effect("collect of nothing is an InvalidResponse", () =>
    Effect.map(failureOf(ChatStream.collect(Stream.empty)), (failure) =>
      expect(failure).toMatchObject({ _tag: "InvalidResponse", operation: "streamChat" })
    )
  )

  it.effect("text leaves empty pieces out", () =>
    Effect.gen(function* () {
      const pieces = ["", "Hail", "", " ", "is", ""].map(wire.piece)
      const server = yield* rawServer(({ write }) => write(eventStream(...pieces)))
      const texts = yield* stream.pipe(ChatStream.text, Stream.runCollect, Effect.provide(clientFor(server)))
      expect(texts).toEqual(["Hail", " ", "is"])
    })
  )
})

describe("the connection", () => {
  const open = eventStreamHead + chunk(event(wire.piece("Hail ")))
  const isClosed = (server: RawServer) => Effect.promise(async () => (await server.received()).closed)

  it.effect("is closed when the stream is left early", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(open))
      const pieces = yield* stream.pipe(Stream.take(1), Stream.runCollect, Effect.provide(clientFor(server)))
      expect(pieces.length).toBe(1)
      yield* isClosed(server)
    })
  )

  it.effect("is closed when the reader fails", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(open))
      yield* stream.pipe(
        Stream.runForEach(() => Effect.fail("enough")),
        Effect.flip,
        Effect.provide(clientFor(server))
      )
      yield* isClosed(server)
    })
  )

  it.effect("is closed when the service breaks the contract", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(open + chunk("data: no JSON\n\n")))
      yield* stream.pipe(Stream.runDrain, Effect.flip, Effect.provide(clientFor(server)))
      yield* isClosed(server)
    })
  )

  it.effect.each<[string, string]>([
    ["before the headers", ""],
    ["before the first piece", eventStreamHead],
    ["in the middle of the answer", open]
  ])("is closed when the reader is interrupted %s", ([, bytes]) =>
    Effect.gen(function* () {
      const server = yield* rawServer()
      const first = yield* Deferred.make<void>()
      const fiber = yield* stream.pipe(
        Stream.runForEach(() => Deferred.succeed(first, undefined)),
        Effect.provide(clientFor(server)),
        Effect.forkChild
      )
      const { write } = yield* Effect.promise(() => server.received())
      yield* Effect.promise(() => write(bytes))
      if (bytes === open) yield* Deferred.await(first)
      yield* Fiber.interrupt(fiber)
      yield* isClosed(server)
    })
  )

  for (const [operation, call] of [
    ["chat", Effect.asVoid(ChatOperations.chat(wire.question))],
    ["getChatHistory", Effect.asVoid(ChatOperations.getChatHistory({ chatId: "c" }))],
    ["getChatLogs", Effect.asVoid(ChatOperations.getChatLogs())]
  ] as const) {
    it.effect(`is closed when ${operation} is interrupted`, () =>
      Effect.gen(function* () {
        const server = yield* rawServer(({ write }) => write(head({ "content-length": "100" }) + "{"))
        const fiber = yield* call.pipe(Effect.provide(clientFor(server)), Effect.forkChild)
        yield* Effect.promise(() => server.received())
        yield* Fiber.interrupt(fiber)
        yield* isClosed(server)
      })
    )
  }

  it.effect("is not read ahead of the reader: the service has to wait", () =>
    Effect.gen(function* () {
      const total = 500
      const long = chunk(event(wire.piece("x".repeat(65_536))))
      let written = 0
      const server = yield* rawServer(async ({ write }) => {
        await write(eventStreamHead)
        for (; written < total; written++) await write(long)
        await write(lastChunk)
      })
      const resume = yield* Deferred.make<void>()
      const reader = yield* stream.pipe(
        Stream.tap(() => Deferred.await(resume)),
        Stream.runCount,
        Effect.provide(clientFor(server)),
        Effect.forkChild
      )
      yield* Effect.promise(() => standsStill(() => written))
      expect(written).toBeGreaterThan(0)
      expect(written).toBeLessThan(total)
      yield* Deferred.succeed(resume, undefined)
      expect(yield* Fiber.join(reader)).toBe(total)
    })
  )

  /** Client and server share this event loop: what does not move for many of its turns, waits. */
  async function standsStill(value: () => number) {
    for (let last = value(), turns = 0; turns < 500; turns++) {
      await setImmediate()
      if (value() === last && last > 0) continue
      last = value()
      turns = 0
    }
  }
})
