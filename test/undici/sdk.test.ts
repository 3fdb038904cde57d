/**
 * The SDK's operations by way of undici: what callers see is what they see by way of `fetch`.
 */
import { describe, expect, it } from "@effect/vitest"
import { ChatOperations, ChatStream } from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { gzipSync } from "node:zlib"
import { failureOf, token } from "../support/client.ts"
import { rawServer, type Script } from "../support/rawServer.ts"
import { chunk, event, eventStream, eventStreamHead, head, json, response } from "../support/responses.ts"
import { expectAsItIsWritten, readToFailure } from "../support/streamedAnswer.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"
import { viaUndici } from "./support.ts"

expectNoUnhandledRejections()

const chat = ChatOperations.chat(wire.question)
const stream = ChatOperations.streamChat(wire.question)

/** What a chat fails with. */
const failing = (script: Script) =>
  Effect.flatMap(rawServer(script), (server) => failureOf(chat).pipe(Effect.provide(viaUndici(server))))

describe("operations", () => {
  it.effect("are sent and answered", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ request, write }) => {
        if (request.target.includes("/chat_logs")) return write(json(wire.chatLogs))
        if (request.target.includes("/chat_history")) return write(json(wire.chatHistory))
        return write(JSON.parse(request.body).stream ? eventStream(wire.piece("Hail.")) : json(wire.chatResponse))
      })
      yield* Effect.gen(function* () {
        expect((yield* chat).text).toBe(wire.chatResponse.text)
        expect((yield* ChatStream.collect(stream)).text).toBe("Hail.")
        expect((yield* ChatOperations.getChatHistory({ chatId: wire.chatId })).messages.length).toBe(1)
        expect((yield* Stream.runCollect(ChatOperations.chatLogs())).map((row) => row.text)).toEqual([wire.logRow.text])
      }).pipe(Effect.provide(viaUndici(server)))

      const [first, , third] = server.requests
      expect(first).toMatchObject({ method: "POST", target: "/chat-service/chat" })
      expect(JSON.parse(first!.body)).toMatchObject({ chat_id: wire.chatId, stream: false })
      expect(first!.headers).toMatchObject({
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "content-length": `${Buffer.byteLength(first!.body)}`
      })
      expect(third).toMatchObject({
        method: "GET",
        target:
          "/chat-service/chat_history?chat_id=google-oauth2%7C117349365869611297391_Insurance%20Underwriting%20AI%20Agent",
        body: ""
      })
      expect(third!.headers).not.toHaveProperty("content-length")
    })
  )

  it.effect("read compressed answers", () =>
    Effect.gen(function* () {
      const zipped = gzipSync(JSON.stringify(wire.chatResponse))
      const server = yield* rawServer(async ({ write }) => {
        await write(head({ "content-encoding": "gzip", "content-length": `${zipped.length}` }))
        await write(zipped)
      })
      const reply = yield* chat.pipe(Effect.provide(viaUndici(server)))
      expect(reply.text).toBe(wire.chatResponse.text)
      expect(server.requests[0]!.headers["accept-encoding"]).toContain("gzip")
    })
  )
})

describe("failures", () => {
  it.effect("a status is one, with what the body says", () =>
    Effect.gen(function* () {
      const failure = yield* failing(({ write }) => write(json({ detail: "No such file." }, { status: 404 })))
      expect(failure).toMatchObject({ _tag: "NotFound", status: 404, detail: "No such file." })
    })
  )

  it.effect("a port where nobody listens", () =>
    Effect.gen(function* () {
      // One that only the system could listen on: another would soon be somebody else's.
      const failure = yield* failureOf(chat).pipe(Effect.provide(viaUndici({ url: "http://127.0.0.1:1" })))
      expect(failure).toMatchObject({ _tag: "TransportError", code: "ECONNREFUSED" })
    })
  )

  it.effect.each<[string, Script, string]>([
    ["reset before the headers", ({ reset }) => reset(), "ECONNRESET"],
    ["closed before the headers", ({ end }) => end(), "UND_ERR_SOCKET"],
    [
      "closed inside the body",
      async ({ end, write }) => {
        await write(head({ "content-length": "100" }))
        await write('{"message_id"')
        end()
      },
      "UND_ERR_SOCKET"
    ],
    [
      "a body in broken gzip",
      ({ write }) => write(response("this is no gzip", { headers: { "content-encoding": "gzip" } })),
      "Z_DATA_ERROR"
    ]
  ])("%s", ([, script, code]) =>
    Effect.gen(function* () {
      expect(yield* failing(script)).toMatchObject({ _tag: "TransportError", code })
    })
  )

  it.effect("a response that is no HTTP", () =>
    Effect.gen(function* () {
      const failure = yield* failing(({ write }) => write("SSH-2.0-OpenSSH_9.6\r\n\r\n"))
      expect(failure).toMatchObject({ _tag: "TransportError", description: expect.stringContaining("HTTP/1.1") })
    })
  )

  it.effect("a limit that passes closes the connection", () =>
    Effect.gen(function* () {
      const server = yield* rawServer()
      const call = yield* failureOf(chat).pipe(
        Effect.provide(viaUndici(server, { timeouts: { firstByte: "3 seconds" } })),
        Effect.forkChild
      )
      const { closed } = yield* Effect.promise(() => server.received())
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(call)).toMatchObject({ _tag: "TimeoutError", limit: "firstByte" })
      yield* Effect.promise(() => closed)
    })
  )
})

describe("a streamed answer", () => {
  it.effect("comes as it is written, not at its end", () => expectAsItIsWritten(viaUndici))

  it.effect.each<[string, Script]>([
    [
      "reset",
      async ({ reset, write }) => {
        await write(eventStreamHead + chunk(event(wire.piece("Hail "))))
        reset()
      }
    ],
    [
      "closed without its last chunk",
      async ({ end, write }) => {
        await write(eventStreamHead + chunk(event(wire.piece("Hail "))))
        end()
      }
    ]
  ])("that is %s gives what had arrived", ([, script]) =>
    Effect.gen(function* () {
      const { failure, texts } = yield* readToFailure(viaUndici, script)
      expect(texts).toEqual(["Hail "])
      expect(failure).toMatchObject({ _tag: "StreamInterrupted", answer: { text: "Hail " } })
    })
  )

  it.effect("that is left early closes its connection", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(eventStreamHead + chunk(event(wire.piece("Hail ")))))
      yield* Effect.gen(function* () {
        const pieces = yield* Stream.runCollect(Stream.take(stream, 1))
        expect(pieces.map((piece) => piece.text)).toEqual(["Hail "])
        // The client is still there: it was the stream that closed it.
        yield* Effect.promise(async () => (await server.received()).closed)
      }).pipe(Effect.provide(viaUndici(server)))
    })
  )
})
