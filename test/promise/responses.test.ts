/**
 * What a client tells of its requests: the response beside the value, and the hooks.
 */
import { describe, expect, it, vi } from "@effect/vitest"
import {
  ApiError,
  type ChatClientOptions,
  createChatClient,
  type EndEvent,
  NotFound,
  type RequestEvent,
  type ResponseEvent,
  type RetryEvent,
  StreamInterrupted,
  WeavConfigError
} from "@weavai/promise"
import { setImmediate } from "node:timers/promises"
import { token } from "../support/client.ts"
import { readAll, rejection } from "../support/promises.ts"
import { type RawServer, startRawServer } from "../support/rawServer.ts"
import { chunk, event, eventStreamHead, head, json, lastChunk, response } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

const clientFor = ({ url }: RawServer, options?: ChatClientOptions) =>
  createChatClient({ env: url, authToken: token, retry: { baseDelay: 1 }, ...options })

const named = (requestId: string) => ({ headers: { "x-request-id": requestId } })

/** A service that answers well, and names each response after its request: `r0`, `r1` and so on. */
const startService = () =>
  startRawServer(({ request, write }, i) => {
    const ok = named(`r${i}`)
    if (request.target.includes("/chat_logs")) return write(json(wire.chatLogs, ok))
    if (request.target.includes("/chat_history")) return write(json(wire.chatHistory, ok))
    if (!JSON.parse(request.body).stream) return write(json(wire.chatResponse, ok))
    const events = event(wire.piece("Hail ")) + event(wire.piece("is covered."))
    return write(response(events, { headers: { "content-type": "text/event-stream", ...ok.headers } }))
  })

describe("withResponse", () => {
  it("resolves to the value and the response that it was read from", async () => {
    await using server = await startService()
    await using client = clientFor(server)
    const calls = [
      client.chat(wire.question).withResponse(),
      client.getChatHistory({ chatId: "c" }).withResponse(),
      client.getChatLogs().withResponse()
    ] as const
    const [reply, history, page] = await Promise.all(calls)
    expect(reply.data).toEqual(await client.chat(wire.question))
    expect(history.data.messages.length).toBe(1)
    expect(page.data.totalRecords).toBe(1)
    expect(history.response.headers).toBeInstanceOf(Headers)
    for (const { response } of [reply, history, page]) {
      expect(response.status).toBe(200)
      expect(response.headers.get("content-type")).toBe("application/json")
      expect(response.requestId).toBe(response.headers.get("x-request-id"))
    }
    expect(new Set([reply, history, page].map(({ response }) => response.requestId))).toEqual(
      new Set(["r0", "r1", "r2"])
    )
    // The chat's id stays out.
    expect(history.response.url).toBe(`${server.url}/chat-service/chat_history`)
  })

  it("leaves the promise what it is, and sends once", async () => {
    await using server = await startService()
    const call = clientFor(server).chat(wire.question)
    expect(call).toBeInstanceOf(Promise)
    const { data } = await call.withResponse()
    expect(await call).toBe(data)
    expect(server.requests.length).toBe(1)
  })

  it("means the last response, after a repetition or a redirect", async () => {
    await using server = await startRawServer(({ write }, i) =>
      write(
        [
          json({}, { status: 503, ...named("busy") }),
          response("", { status: 307, headers: { location: "/elsewhere?secret=1", "x-request-id": "moved" } }),
          json(wire.chatLogs, named("there"))
        ][i]!
      )
    )
    const { response: last } = await clientFor(server).getChatLogs().withResponse()
    expect(last).toMatchObject({ status: 200, requestId: "there", url: `${server.url}/elsewhere` })
  })

  it("rejects as the call does", async () => {
    await using server = await startRawServer(({ write }) => write(json({ detail: "no" }, { status: 404 })))
    await using client = clientFor(server)
    const call = client.chat(wire.question)
    const error = await rejection(call.withResponse())
    expect(error).toBeInstanceOf(NotFound)
    expect(await rejection(call)).toBe(error)
    expect(await rejection(client.streamChat(wire.question).withResponse())).toBeInstanceOf(NotFound)
  })

  it("of an answer sends the message and leaves all of the answer to be read", async () => {
    await using server = await startService()
    const { data, response } = await clientFor(server).streamChat(wire.question).withResponse()
    expect(response).toMatchObject({ status: 200, requestId: "r0", url: `${server.url}/chat-service/chat` })
    expect(await readAll(data.text())).toEqual(["Hail ", "is covered."])
    expect((await data.final()).text).toBe("Hail is covered.")
    expect(server.requests.length).toBe(1)
  })

  it("of an answer that is being read takes nothing from its reader", async () => {
    await using server = await startService()
    const answer = clientFor(server).streamChat(wire.question)
    const texts = readAll(answer.text())
    expect((await answer.withResponse()).response.requestId).toBe("r0")
    expect(await texts).toEqual(["Hail ", "is covered."])
    expect((await answer.withResponse()).response.requestId).toBe("r0")
    expect(server.requests.length).toBe(1)
  })
})

type Told = ["request", RequestEvent] | ["response", ResponseEvent] | ["retry", RetryEvent] | ["end", EndEvent]

const listen = () => {
  const told: Array<Told> = []
  return {
    told,
    names: () => told.map(([name]) => name),
    hooks: {
      onRequest: (event: RequestEvent) => void told.push(["request", event]),
      onResponse: (event: ResponseEvent) => void told.push(["response", event]),
      onRetry: (event: RetryEvent) => void told.push(["retry", event]),
      onEnd: (event: EndEvent) => void told.push(["end", event])
    }
  }
}

const some = expect.any(Number)

describe("hooks", () => {
  it("are told of each request of a call, in order", async () => {
    await using server = await startRawServer(({ write }, i) =>
      write(i === 0 ? json({ detail: "busy" }, { status: 503, ...named("r0") }) : json(wire.chatHistory, named("r1")))
    )
    const { hooks, told } = listen()
    await clientFor(server, hooks).getChatHistory({ chatId: "user|7" })
    const about = { call: 1, operation: "getChatHistory" }
    const sent = { ...about, method: "GET", url: `${server.url}/chat-service/chat_history` }
    expect(told).toEqual([
      ["request", { ...sent, attempt: 1 }],
      ["response", { ...sent, attempt: 1, status: 503, requestId: "r0", durationMs: some }],
      ["retry", { ...about, attempt: 1, error: expect.any(ApiError), delayMs: some }],
      ["request", { ...sent, attempt: 2 }],
      ["response", { ...sent, attempt: 2, status: 200, requestId: "r1", durationMs: some }],
      ["end", { ...about, outcome: "success", error: undefined, attempts: 2, durationMs: some }]
    ])
    expect(JSON.stringify(told)).not.toContain(token)
    expect(JSON.stringify(told)).not.toContain("user")
  })

  it("measure milliseconds", async () => {
    let now = 1000
    await using server = await startRawServer(async ({ write }) => {
      now += 30
      await write(json(wire.chatHistory))
    })
    const { hooks, told } = listen()
    const authToken = () => {
      now += 5
      return token
    }
    const onResponse = (event: ResponseEvent) => {
      hooks.onResponse(event)
      now += 12
    }
    vi.spyOn(performance, "now").mockImplementation(() => now)
    try {
      await clientFor(server, { ...hooks, authToken, onResponse }).getChatHistory({ chatId: "c" })
    } finally {
      vi.restoreAllMocks()
    }
    expect(told.slice(1)).toMatchObject([
      ["response", { durationMs: 30 }],
      ["end", { durationMs: 47 }]
    ])
  })

  it("number the calls, so that those side by side can be told apart", async () => {
    await using server = await startService()
    const { hooks, told } = listen()
    const client = clientFor(server, hooks)
    await Promise.all([client.chat(wire.question), client.getChatLogs(), client.getChatHistory({ chatId: "c" })])
    for (const call of [1, 2, 3]) {
      const events = told.filter(([, event]) => event.call === call)
      expect(events.map(([name]) => name)).toEqual(["request", "response", "end"])
      expect(new Set(events.map(([, { operation }]) => operation)).size).toBe(1)
    }
  })

  it("are told that a streamed answer is over when it is", async () => {
    const last = Promise.withResolvers<void>()
    await using server = await startRawServer(async ({ write }) => {
      await write(eventStreamHead + chunk(event(wire.piece("Hail "))))
      await last.promise
      await write(chunk(event(wire.piece("is covered."))) + lastChunk)
    })
    const { hooks, names, told } = listen()
    const pieces = clientFor(server, hooks).streamChat(wire.question)[Symbol.asyncIterator]()
    await pieces.next()
    expect(names()).toEqual(["request", "response"])
    last.resolve()
    await pieces.next()
    await pieces.next()
    expect(told.at(-1)).toMatchObject(["end", { operation: "streamChat", outcome: "success", attempts: 1 }])
  })

  it("are told why a response could not be passed on to its end", async () => {
    await using server = await startRawServer(async ({ reset, write }) => {
      await write(eventStreamHead + chunk(event(wire.piece("Hail "))))
      reset()
    })
    const { hooks, told } = listen()
    await (await clientFor(server, hooks).streamChat(wire.question).toResponse()).text()
    const [, end] = told.at(-1)!
    expect(end).toMatchObject({ outcome: "failure", error: { reason: expect.any(StreamInterrupted) } })
  })

  it.each<[string, (pieces: AsyncIterator<unknown>, abort: AbortController, close: () => Promise<void>) => unknown]>([
    ["aborted", (_, abort) => abort.abort()],
    ["left", (pieces) => pieces.return?.()],
    ["closed with its client", (_pieces, _abort, close) => close()]
  ])("are told that a call was aborted when it is %s", async (_, interrupt) => {
    await using server = await startRawServer(({ write }) => write(eventStreamHead + chunk(event(wire.piece("Hail ")))))
    const { hooks, told } = listen()
    const abort = new AbortController()
    const client = clientFor(server, hooks)
    const pieces = client.streamChat(wire.question, { signal: abort.signal })[Symbol.asyncIterator]()
    await pieces.next()
    await interrupt(pieces, abort, client.close)
    await (
      await server.received()
    ).closed
    expect(told.at(-1)).toMatchObject(["end", { outcome: "aborted", error: undefined }])
  })

  it("are told of a call that is refused before it is sent, and of each page of a walk", async () => {
    await using server = await startService()
    const { hooks, told } = listen()
    const client = clientFor(server, hooks)
    await rejection(client.getChatLogs({ limit: 0 }))
    expect(told).toMatchObject([["end", { outcome: "failure", attempts: 0, error: { _tag: "ApiError" } }]])
    await readAll(client.chatLogs())
    expect(told.slice(1)).toMatchObject([
      ["request", { operation: "getChatLogs", call: 2 }],
      ["response", { call: 2 }],
      ["end", { call: 2 }]
    ])
  })

  it.each(["onRequest", "onResponse", "onRetry", "onEnd"] as const)(
    "that throw do not disturb the call; the error is the process's to report: %s",
    async (name) => {
      await using server = await startRawServer(({ write }, i) =>
        write(i === 0 ? head({ "content-length": "0" }, 503) : json(wire.chatHistory))
      )
      const bug = new Error("the hook is broken")
      const uncaught = await uncaughtDuring(async () => {
        const client = clientFor(server, {
          [name]() {
            throw bug
          }
        })
        expect((await client.getChatHistory({ chatId: "c" })).messages.length).toBe(1)
      })
      expect(new Set(uncaught)).toEqual(new Set([bug]))
    }
  )

  it("have to be functions", () => {
    const options = { env: "local", authToken: token, onRetry: "log" as never }
    expect(() => createChatClient(options)).toThrow(
      new WeavConfigError({ option: "onRetry", description: "must be a function." })
    )
  })
})

/** What comes to be an uncaught exception of this process while something runs. */
const uncaughtDuring = async (run: () => Promise<void>): Promise<ReadonlyArray<unknown>> => {
  const listeners = process.listeners("uncaughtException")
  const uncaught = vi.fn<(error: Error) => void>()
  process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught)
  try {
    await run()
    await setImmediate()
  } finally {
    process.removeAllListeners("uncaughtException")
    for (const listener of listeners) process.on("uncaughtException", listener)
  }
  return uncaught.mock.calls.map(([error]) => error)
}
