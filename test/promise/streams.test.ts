import { describe, expect, it } from "@effect/vitest"
import { ApiError, createChatClient, InvalidResponse, StreamInterrupted } from "@weavai/promise"
import { getEventListeners } from "node:events"
import { token } from "../support/client.ts"
import { readAll, rejection } from "../support/promises.ts"
import { type RawServer, startRawServer } from "../support/rawServer.ts"
import { chunk, event, eventStream, eventStreamHead, json, lastChunk } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

const clientFor = ({ url }: RawServer) => createChatClient({ env: url, authToken: token })
const answerFrom = (server: RawServer, options?: { signal?: AbortSignal; pieces?: "snapshot" }) =>
  clientFor(server).streamChat(wire.question, options)

const words = ["Hail ", "is ", "covered."]
const startService = () => startRawServer(({ write }) => write(eventStream(...words.map(wire.piece))))

/** A service whose answer stays open after its first pieces, which come at once. */
const startOpenEnded = () =>
  startRawServer(({ write }) =>
    write(
      eventStreamHead +
        chunk(
          words
            .slice(0, 2)
            .map((text) => event(wire.piece(text)))
            .join("")
        )
    )
  )

describe("an answer", () => {
  it("is read piece by piece", async () => {
    await using server = await startService()
    const texts = []
    for await (const piece of answerFrom(server)) texts.push(piece.text)
    expect(texts).toEqual(words)
  })

  it("is read as text, without empty pieces", async () => {
    await using server = await startRawServer(({ write }) =>
      write(eventStream(...["", "Hail", "", "."].map(wire.piece)))
    )
    expect(await readAll(answerFrom(server).text())).toEqual(["Hail", "."])
  })

  it("is read as a whole, which is what chat would have resolved to", async () => {
    const { chatResponse } = wire
    await using server = await startRawServer(({ request, write }) =>
      write(
        JSON.parse(request.body).stream
          ? eventStream({ ...chatResponse, text: "The **" }, wire.piece(chatResponse.text.slice(6)))
          : json(chatResponse)
      )
    )
    expect(await answerFrom(server).final()).toEqual(await clientFor(server).chat(wire.question))
  })

  it("may be made of snapshots", async () => {
    await using server = await startRawServer(({ write }) =>
      write(eventStream(wire.piece("Hail"), wire.piece("Hail is"), wire.piece("Hail is covered.")))
    )
    expect(await readAll(answerFrom(server, { pieces: "snapshot" }).text())).toEqual(["Hail", " is", " covered."])
  })

  it("is asked for when reading begins, and once", async () => {
    await using server = await startService()
    const answer = answerFrom(server)
    answer.text()
    expect(server.requests.length).toBe(0)
    await answer.final()
    await answer.final()
    expect(server.requests.length).toBe(1)
  })

  it("has one reader: a second one is a TypeError", async () => {
    await using server = await startService()
    const answer = answerFrom(server)
    await readAll(answer)
    for (const again of [answer, answer.text()] as ReadonlyArray<AsyncIterable<unknown>>) {
      const error = await rejection(readAll(again))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain("send the message again")
    }
    expect(server.requests.length).toBe(1)
  })

  it("answers overlapping reads in order", async () => {
    await using server = await startService()
    const pieces = answerFrom(server)[Symbol.asyncIterator]()
    const results = await Promise.all(Array.from({ length: 5 }, () => pieces.next()))
    expect(results.map(({ done, value }) => (done ? "done" : value.text))).toEqual([...words, "done", "done"])
  })
})

describe("final", () => {
  it("after a loop", async () => {
    await using server = await startService()
    const answer = answerFrom(server)
    for await (const _ of answer);
    expect((await answer.final()).text).toBe("Hail is covered.")
  })

  it("during a loop", async () => {
    await using server = await startService()
    const answer = answerFrom(server)
    let whole
    for await (const _ of answer) whole ??= answer.final()
    expect((await whole)?.text).toBe("Hail is covered.")
  })

  it("before a loop", async () => {
    await using server = await startService()
    const answer = answerFrom(server)
    const whole = answer.final()
    const texts = await readAll(answer.text())
    expect((await whole).text).toBe("Hail is covered.")
    expect(texts).toEqual(words)
    expect(server.requests.length).toBe(1)
  })

  it("of an answer too long to keep rejects, though its pieces can be read", async () => {
    const million = event(wire.piece("x".repeat(1_000_000)))
    const fetch = async () => new Response(million.repeat(11), { headers: { "content-type": "text/event-stream" } })
    const answer = createChatClient({ env: "local", authToken: token, fetch }).streamChat(wire.question)
    let length = 0
    for await (const text of answer.text()) length += text.length
    expect(length).toBe(11_000_000)
    const error = await rejection(answer.final())
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toContain("read its pieces instead")
  })

  it("after a failure rejects with it", async () => {
    await using server = await startRawServer(async ({ reset, write }) => {
      await write(eventStreamHead + chunk(event(wire.piece("Hail "))))
      reset()
    })
    const answer = answerFrom(server)
    const texts: Array<string> = []
    const failure = await rejection(
      (async () => {
        for await (const text of answer.text()) texts.push(text)
      })()
    )
    expect(texts).toEqual(["Hail "])
    expect(failure).toBeInstanceOf(ApiError)
    expect(failure.reason).toBeInstanceOf(StreamInterrupted)
    expect(failure.reason.answer.text).toBe("Hail ")
    expect(await rejection(answer.final())).toBe(failure)
  })

  it("of an answer without a piece rejects", async () => {
    await using server = await startRawServer(({ write }) => write(eventStreamHead + lastChunk))
    expect((await rejection(answerFrom(server).final())).reason).toBeInstanceOf(InvalidResponse)
  })

  it("after the loop was left rejects: the rest was not read", async () => {
    await using server = await startOpenEnded()
    const answer = answerFrom(server)
    for await (const _ of answer) break
    const error = await rejection(answer.final())
    expect(error.name).toBe("AbortError")
    expect(error.message).toBe("The answer was left before its end.")
  })
})

describe("leaving an answer closes the connection", () => {
  it("by break", async () => {
    await using server = await startOpenEnded()
    for await (const _ of answerFrom(server)) break
    await (
      await server.received()
    ).closed
  })

  it("by break out of its text", async () => {
    await using server = await startOpenEnded()
    for await (const _ of answerFrom(server).text()) break
    await (
      await server.received()
    ).closed
  })

  it("by an exception", async () => {
    await using server = await startOpenEnded()
    const error = new Error("the terminal is gone")
    const loop = async () => {
      for await (const _ of answerFrom(server)) throw error
    }
    expect(await rejection(loop())).toBe(error)
    await (
      await server.received()
    ).closed
  })

  it("while a read is waiting, which ends then", async () => {
    await using server = await startRawServer(({ write }) => write(eventStreamHead))
    const pieces = answerFrom(server)[Symbol.asyncIterator]()
    const waiting = pieces.next()
    const { closed } = await server.received()
    expect(await pieces.return?.()).toEqual({ done: true, value: undefined })
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(await pieces.next()).toEqual({ done: true, value: undefined })
    await closed
  })

  it("before it was read sends nothing", async () => {
    await using server = await startService()
    const pieces = answerFrom(server)[Symbol.asyncIterator]()
    await pieces.return?.()
    expect(await pieces.next()).toEqual({ done: true, value: undefined })
    expect(server.requests).toEqual([])
  })
})

describe("an abort", () => {
  it("between two reads closes the connection at once, and the next read rejects", async () => {
    await using server = await startOpenEnded()
    const controller = new AbortController()
    const answer = answerFrom(server, { signal: controller.signal })
    const pieces = answer[Symbol.asyncIterator]()
    expect((await pieces.next()).value?.text).toBe("Hail ")
    controller.abort()
    await (
      await server.received()
    ).closed
    expect(await rejection(pieces.next())).toBe(controller.signal.reason)
    expect(await pieces.next()).toEqual({ done: true, value: undefined })
    expect(await rejection(answer.final())).toBe(controller.signal.reason)
  })

  it("while a read waits rejects it", async () => {
    await using server = await startRawServer(({ write }) => write(eventStreamHead + chunk(event(wire.piece("Hail ")))))
    const controller = new AbortController()
    const pieces = answerFrom(server, { signal: controller.signal })[Symbol.asyncIterator]()
    await pieces.next()
    const waiting = rejection(pieces.next())
    const reason = new Error("the user left")
    controller.abort(reason)
    const error = await waiting
    expect(error.name).toBe("AbortError")
    expect(error.cause).toBe(reason)
    await (
      await server.received()
    ).closed
  })

  it("by the loop's own body ends the loop", async () => {
    await using server = await startOpenEnded()
    const controller = new AbortController()
    const texts: Array<string> = []
    const loop = async () => {
      for await (const text of answerFrom(server, { signal: controller.signal }).text()) {
        texts.push(text)
        controller.abort()
      }
    }
    expect(await rejection(loop())).toBe(controller.signal.reason)
    expect(texts).toEqual(["Hail "])
    await (
      await server.received()
    ).closed
  })

  it("between the rows of the logs is heard with the next row", async () => {
    const page = { messages: [wire.logRow, wire.logRow], total_records: 9, current_skip: 0 }
    await using server = await startRawServer(({ write }) => write(json(page)))
    const controller = new AbortController()
    const rows = clientFor(server).chatLogs({}, { signal: controller.signal })[Symbol.asyncIterator]()
    await rows.next()
    controller.abort()
    expect(await rejection(rows.next())).toBe(controller.signal.reason)
    expect(getEventListeners(controller.signal, "abort")).toEqual([])
  })
})

describe("no listener stays on the caller's signal", () => {
  const signal = new AbortController().signal
  const listeners = () => getEventListeners(signal, "abort")

  it("after the end", async () => {
    await using server = await startService()
    await readAll(answerFrom(server, { signal }))
    expect(listeners()).toEqual([])
  })

  it("after break", async () => {
    await using server = await startOpenEnded()
    for await (const _ of answerFrom(server, { signal })) break
    expect(listeners()).toEqual([])
  })

  it("after a failure", async () => {
    await using server = await startRawServer(({ reset }) => reset())
    await rejection(answerFrom(server, { signal }).final())
    expect(listeners()).toEqual([])
  })

  it("after the client is closed", async () => {
    await using server = await startOpenEnded()
    const client = clientFor(server)
    const pieces = client.streamChat(wire.question, { signal })[Symbol.asyncIterator]()
    await pieces.next()
    expect(listeners().length).toBeGreaterThan(0)
    await client.close()
    expect(listeners()).toEqual([])
  })
})

describe("closing the client", () => {
  it("ends the answers that are open, read or not", async () => {
    await using server = await startOpenEnded()
    const client = clientFor(server)
    const answer = client.streamChat(wire.question)
    const pieces = answer[Symbol.asyncIterator]()
    const loop = client.streamChat(wire.question)[Symbol.asyncIterator]()
    await pieces.next()
    for (const _ of [1, 2]) await loop.next()
    const waiting = rejection(loop.next())
    const exchanges = await Promise.all([server.received(0), server.received(1)])
    await client.close()
    await Promise.all(exchanges.map(({ closed }) => closed))
    for (const error of [await waiting, await rejection(pieces.next()), await rejection(answer.final())]) {
      expect(error.name).toBe("AbortError")
      expect(error.message).toBe("The chat client is closed.")
    }
  })
})

describe("the rows of the logs", () => {
  const startLogs = (total: number) =>
    startRawServer(({ request, write }) => {
      const skip = Number(new URL(request.target, "http://any").searchParams.get("skip"))
      const row = (id: number) => ({ ...wire.logRow, id: `${id}` })
      return write(json({ messages: [row(skip), row(skip + 1)], total_records: total, current_skip: skip }))
    })

  it("are fetched as they are consumed: leaving early asks for no more", async () => {
    await using server = await startLogs(1000)
    const ids = []
    for await (const row of clientFor(server).chatLogs({ pageSize: 2, concurrency: 1 })) {
      ids.push(row.id)
      if (row.id === "3") break
    }
    expect(ids).toEqual(["0", "1", "2", "3"])
    expect(server.requests.length).toBeLessThanOrEqual(3)
  })

  it("can be walked through again", async () => {
    await using server = await startLogs(6)
    const rows = clientFor(server).chatLogs({ pageSize: 2 })
    for (const walk of [await readAll(rows), await readAll(rows)]) {
      expect(walk.map((row) => row.id)).toEqual(["0", "1", "2", "3", "4", "5"])
    }
    expect(server.requests.length).toBe(6)
  })
})
