/**
 * Answers that are passed on: as a web stream, and as a response of Server-Sent Events.
 */
import { describe, expect, it } from "@effect/vitest"
import { ChatResponse } from "@weavai/effect"
import { ApiError, createChatClient, NotFound, StreamInterrupted, TransportError } from "@weavai/promise"
import * as Schema from "effect/Schema"
import { token } from "../support/client.ts"
import { handFed } from "../support/handFed.ts"
import { readAll, rejection } from "../support/promises.ts"
import { type RawServer, startRawServer } from "../support/rawServer.ts"
import { chunk, event, eventStream, eventStreamHead, json } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

const answerFrom = ({ url }: RawServer, options?: { readonly signal?: AbortSignal }) =>
  createChatClient({ env: url, authToken: token, retry: { baseDelay: 1 } }).streamChat(wire.question, options)

/** An answer whose bytes the test gives one after the other. */
const openHandFed = () => {
  const fed = handFed("text/event-stream")
  const fetch = async (input: RequestInfo | URL, init?: RequestInit) =>
    fed.respond(new Request(input, init), init!.signal!)
  return { ...fed, client: createChatClient({ env: "local", authToken: token, fetch }) }
}

/** A service whose answer stays open after its first piece. */
const startOpenEnded = () => startRawServer(({ write }) => write(eventStreamHead + chunk(event(wire.piece("Hail ")))))

const pieces = [
  wire.piece("The **deductible** "),
  wire.piece(""),
  { ...wire.chatResponse, text: "is\n\n$5,000 – “net”." }
]
const startService = () => startRawServer(({ write }) => write(eventStream(...pieces)))

const brokeOff = `event: error\ndata: {"error": "The answer broke off before its end."}\n\n`

describe("toResponse", () => {
  it("answers with events that are the pieces in the service's own spelling, and says when they are over", async () => {
    await using server = await startService()
    const response = await answerFrom(server).toResponse()
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no"
    })
    const events = (await response.text()).split("\n\n")
    expect(events.splice(pieces.length)).toEqual(["data: [DONE]", ""])
    const messages = events.map((text) => JSON.parse(text.replace(/^data: /, "")))
    const encode = Schema.encodeSync(ChatResponse)
    const read = await readAll(answerFrom(server))
    expect(messages).toEqual(read.map((piece) => encode(piece)))
    expect(read.map(({ text }) => text)).toEqual(pieces.map(({ text }) => text))
  })

  it("is what this very client reads, to the same answer", async () => {
    await using server = await startService()
    const fetch = () => answerFrom(server).toResponse()
    await using relayed = createChatClient({ env: "local", authToken: "any", fetch })
    expect(await relayed.streamChat(wire.question).final()).toEqual(await answerFrom(server).final())
  })

  it("serves a page that calls its route with this client, until the page leaves", async () => {
    await using server = await startOpenEnded()
    await using client = createChatClient({ env: server.url, authToken: token })
    const route = async (request: Request): Promise<Response> => {
      const { chat_id: chatId, file_id: fileId, user_input: userInput } = await request.json()
      return client.streamChat({ userInput, chatId, fileId }, { signal: request.signal }).toResponse()
    }
    const urls: Array<string> = []
    const fetch: typeof globalThis.fetch = (input, init) => {
      const request = new Request(input, init)
      urls.push(request.url)
      return route(request)
    }
    const page = createChatClient({ env: "https://app.example", authToken: "session", fetch })
    for await (const text of page.streamChat(wire.question).text()) {
      expect(text).toBe("Hail ")
      break
    }
    const { closed, request } = await server.received()
    await closed
    expect(urls).toEqual(["https://app.example/chat-service/chat"])
    expect(JSON.parse(request.body)).toMatchObject({ user_input: wire.question.userInput, chat_id: wire.chatId })
    expect(request.headers["authorization"]).toBe(`Bearer ${token}`)
  })

  it("takes a status and headers, which win over its own", async () => {
    await using server = await startService()
    const headers = new Headers({ "cache-control": "private", "x-own": "1" })
    for (const cookie of ["a=1", "b=2"]) headers.append("set-cookie", cookie)
    const response = await answerFrom(server).toResponse({ status: 203, headers })
    expect(response.status).toBe(203)
    expect(Array.from(response.headers)).toEqual([
      ["cache-control", "private"],
      ["content-type", "text/event-stream"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["x-accel-buffering", "no"],
      ["x-own", "1"]
    ])
    await response.body?.cancel()
  })

  it("sends nothing for a status that a response with a body cannot have", async () => {
    await using server = await startService()
    expect(await rejection(answerFrom(server).toResponse({ status: 204 }))).toBeInstanceOf(TypeError)
    expect(await rejection(answerFrom(server).toResponse({ status: 7 }))).toBeInstanceOf(RangeError)
    expect(server.requests).toEqual([])
  })

  it("is there with the first piece, not with the answer's headers", async () => {
    const { client, give, wanted } = openHandFed()
    let isThere = false
    const response = client.streamChat(wire.question).toResponse()
    void response.then(() => (isThere = true))
    await wanted()
    expect(isThere).toBe(false)
    give(event(wire.piece("Hail ")))
    expect((await response).status).toBe(200)
  })

  it("rejects with what the call failed with before that", async () => {
    await using missing = await startRawServer(({ write }) => write(json({ detail: "no" }, { status: 404 })))
    expect(await rejection(answerFrom(missing).toResponse())).toBeInstanceOf(NotFound)

    await using cut = await startRawServer(async ({ reset, write }) => {
      await write(eventStreamHead)
      reset()
    })
    const error = await rejection(answerFrom(cut).toResponse())
    expect(error).toBeInstanceOf(ApiError)
    expect(error.reason).toBeInstanceOf(StreamInterrupted)

    const { url } = await startRawServer().then(async (server) => (await server[Symbol.asyncDispose](), server))
    const refused = createChatClient({ env: url, authToken: token, retry: false }).streamChat(wire.question)
    expect((await rejection(refused.toResponse())).reason).toBeInstanceOf(TransportError)
  })

  it("ends with an error event where the answer breaks off, which tells no more than that", async () => {
    await using server = await startRawServer(async ({ end, write }) => {
      await write(eventStreamHead + chunk(event(wire.piece("Hail "))))
      await write(chunk(`event: error\ndata: {"error": "database 10.0.0.7 with ${token}"}\n\n`))
      end()
    })
    const answer = answerFrom(server)
    const response = await answer.toResponse()
    const text = await response.clone().text()
    expect(text.slice(text.indexOf("\n\n") + 2)).toBe(brokeOff)
    const failure = await rejection(answer.final())
    expect(failure.reason.description).toContain("database 10.0.0.7")

    const fetch = async () => response
    const relayed = createChatClient({ env: "local", authToken: "any", fetch }).streamChat(wire.question)
    const { reason } = await rejection(relayed.final())
    expect(reason).toBeInstanceOf(StreamInterrupted)
    expect(reason.answer.text).toBe("Hail ")
    expect(reason.message).toContain("The answer broke off before its end.")
  })

  it.each<[string, (abort: AbortController, close: () => Promise<void>) => unknown]>([
    ["an abort", (abort) => abort.abort()],
    ["closing the client", (_, close) => close()]
  ])("ends so after %s, too", async (_, interrupt) => {
    await using server = await startOpenEnded()
    const abort = new AbortController()
    const client = createChatClient({ env: server.url, authToken: token })
    const answer = client.streamChat(wire.question, { signal: abort.signal })
    const response = await answer.toResponse()
    await interrupt(abort, client.close)
    expect(await response.text()).toBe(brokeOff)
    expect(await rejection(answer.final())).toMatchObject({ name: "AbortError" })
    await (
      await server.received()
    ).closed
  })

  it("reads on as it is read", async () => {
    const { client, give, reads, wanted } = openHandFed()
    const response = client.streamChat(wire.question).toResponse()
    await wanted()
    give(event(wire.piece("Hail ")))
    const events = (await response).body!.getReader()
    expect(reads()).toBe(1)
    await events.read()
    expect(reads()).toBe(1)
    const next = events.read()
    await wanted()
    expect(reads()).toBe(2)
    give(event(wire.piece("is covered.")))
    expect(new TextDecoder().decode((await next).value)).toContain("is covered.")
  })

  it.each<[string, (body: ReadableStream<Uint8Array>) => Promise<unknown>]>([
    ["before it is read", (body) => body.cancel()],
    [
      "between two events",
      async (body) => {
        const events = body.getReader()
        await events.read()
        await events.cancel()
      }
    ],
    [
      "while an event is awaited",
      async (body) => {
        const events = body.getReader()
        await events.read()
        const next = events.read()
        await events.cancel()
        expect(await next).toEqual({ done: true, value: undefined })
      }
    ]
  ])("closes the connection when its body is cancelled %s", async (_, leave) => {
    await using server = await startOpenEnded()
    const answer = answerFrom(server)
    const response = await answer.toResponse()
    await leave(response.body!)
    await (
      await server.received()
    ).closed
    expect((await rejection(answer.final())).message).toBe("The answer was left before its end.")
  })

  it("is the one reader of its answer", async () => {
    await using server = await startService()
    const answer = answerFrom(server)
    const response = await answer.toResponse()
    expect(await rejection(answer.toResponse())).toBeInstanceOf(TypeError)
    expect(() => answer.toReadableStream()).toThrow(TypeError)
    expect(() => answer[Symbol.asyncIterator]()).toThrow(TypeError)
    expect((await response.text()).split("\n\n").length).toBe(pieces.length + 2)
    expect((await answer.final()).text).toContain("$5,000")
    expect(server.requests.length).toBe(1)
  })
})

describe("toReadableStream", () => {
  it("holds the pieces", async () => {
    await using server = await startService()
    const read: Array<string> = []
    await answerFrom(server)
      .toReadableStream()
      .pipeTo(new WritableStream({ write: (piece) => void read.push(piece.text) }))
    expect(read).toEqual(pieces.map(({ text }) => text))
  })

  it("sends nothing before it is read, and takes one piece for each read", async () => {
    const { client, give, reads, wanted } = openHandFed()
    const stream = client.streamChat(wire.question).toReadableStream().getReader()
    expect(reads()).toBe(0)
    const first = stream.read()
    await wanted()
    give(event(wire.piece("Hail ")) + event(wire.piece("is ")))
    expect((await first).value?.text).toBe("Hail ")
    expect((await stream.read()).value?.text).toBe("is ")
    expect(reads()).toBe(1)
  })

  it("fails with what the answer fails with", async () => {
    await using server = await startRawServer(async ({ reset, write }) => {
      await write(eventStreamHead + chunk(event(wire.piece("Hail "))))
      reset()
    })
    const answer = answerFrom(server)
    const stream = answer.toReadableStream().getReader()
    expect((await stream.read()).value?.text).toBe("Hail ")
    const error = await rejection(stream.read())
    expect(error.reason).toBeInstanceOf(StreamInterrupted)
    expect(await rejection(answer.final())).toBe(error)
  })

  it("closes the connection when it is cancelled, also while a piece is awaited", async () => {
    await using server = await startOpenEnded()
    const stream = answerFrom(server).toReadableStream().getReader()
    await stream.read()
    const next = stream.read()
    await stream.cancel()
    await next
    await (
      await server.received()
    ).closed
  })
})
