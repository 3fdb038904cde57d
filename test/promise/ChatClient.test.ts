import { afterEach, describe, expect, it, vi } from "@effect/vitest"
import {
  ApiError,
  type ChatClient,
  createChatClient,
  InvalidRequest,
  NotFound,
  RateLimited,
  ServerError,
  TimeoutError,
  TransportError,
  Unauthorized,
  WeavConfigError
} from "@weavai/promise"
import { inspect } from "node:util"
import { getEventListeners } from "node:events"
import { token } from "../support/client.ts"
import { readAll, rejection } from "../support/promises.ts"
import { type RawServer, startRawServer } from "../support/rawServer.ts"
import { eventStream, head, json } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

const clientFor = ({ url }: RawServer) => createChatClient({ env: url, authToken: token })

/** A service that answers each operation well. */
const startService = () =>
  startRawServer(({ request, write }) => {
    if (request.target.includes("/chat_logs")) return write(json(wire.chatLogs))
    if (request.target.includes("/chat_history")) return write(json(wire.chatHistory))
    return write(JSON.parse(request.body).stream ? eventStream(wire.piece("Hail.")) : json(wire.chatResponse))
  })

describe("options", () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it("come from the environment where they are not given", async () => {
    await using server = await startService()
    vi.stubEnv("WEAV_ENV", server.url)
    vi.stubEnv("WEAV_AUTH_TOKEN", "from-the-environment")
    await createChatClient().getChatLogs()
    await createChatClient({ authToken: "given" }).getChatLogs()
    vi.stubEnv("WEAV_ENV", "https://elsewhere.invalid")
    await createChatClient({ env: new URL(server.url) }).getChatLogs()
    expect(server.requests.map(({ headers }) => headers["authorization"])).toEqual([
      "Bearer from-the-environment",
      "Bearer given",
      "Bearer from-the-environment"
    ])
  })

  it.each<[object, string, RegExp]>([
    [{ authToken: token }, "env", /missing.*WEAV_ENV/],
    [{ env: "local" }, "authToken", /missing.*WEAV_AUTH_TOKEN/],
    [{ env: "subdomain.weav.ai", authToken: token }, "env", /no URL/],
    [{ env: "http://subdomain.weav.ai", authToken: token }, "env", /unencrypted/],
    [{ env: "local", authToken: `Bearer ${token}` }, "authToken", /Bearer/],
    [{ env: "local", authToken: "" }, "authToken", /empty|missing/],
    [{ env: "local", authToken: 7 }, "authToken", /./],
    [{ env: "local", authToken: token, timeouts: { idle: 0 } }, "timeouts.idle", /above zero/],
    [{ env: "local", authToken: token, maxEventLength: 0 }, "maxEventLength", /1 or more/]
  ])("that cannot be used throw a WeavConfigError at once: %o", (options, option, says) => {
    vi.stubEnv("WEAV_ENV", "")
    vi.stubEnv("WEAV_AUTH_TOKEN", undefined)
    const error = thrownBy(() => createChatClient(options))
    expect(error).toBeInstanceOf(WeavConfigError)
    expect(error).toMatchObject({ _tag: "WeavConfigError", option })
    expect(error.message).toMatch(says)
    expect(error.message).not.toContain(token)
  })

  it("a fetch of one's own is used", async () => {
    const fetch = vi.fn<typeof globalThis.fetch>(async () => Response.json(wire.chatResponse))
    const reply = await createChatClient({ env: "local", authToken: token, fetch }).chat(wire.question)
    expect(reply.text).toBe(wire.chatResponse.text)
    expect(fetch).toHaveBeenCalledOnce()
    expect(String(fetch.mock.calls[0]![0])).toBe("http://localhost:7030/chat")
  })

  const thrownBy = (f: () => unknown): any => {
    try {
      f()
    } catch (error) {
      return error
    }
    return expect.fail("an error was expected to be thrown")
  }
})

describe("a token function", () => {
  it("is asked for each request", async () => {
    await using server = await startService()
    let asked = 0
    await using client = createChatClient({ env: server.url, authToken: async () => `token-${++asked}` })
    await client.chat(wire.question)
    await client.streamChat(wire.question).final()
    expect(server.requests.map(({ headers }) => headers["authorization"])).toEqual(["Bearer token-1", "Bearer token-2"])
  })

  it.each<[string, () => string | Promise<string>, RegExp]>([
    ["rejects", () => Promise.reject(new Error("the vault is sealed")), /the vault is sealed/],
    [
      "throws",
      () => {
        throw new Error("the vault is sealed")
      },
      /the vault is sealed/
    ],
    ["yields no usable token", () => "Bearer x", /begins with "Bearer "/],
    ["yields nothing", () => undefined as never, /empty/]
  ])("that %s rejects the call with Unauthorized, and nothing is sent", async (_, authToken, says) => {
    await using server = await startService()
    const error = await rejection(createChatClient({ env: server.url, authToken }).chat(wire.question))
    expect(error).toBeInstanceOf(Unauthorized)
    expect(error.message).toMatch(says)
    expect(server.requests).toEqual([])
  })
})

describe("the operations", () => {
  it("send what was asked, and resolve to the models", async () => {
    await using server = await startService()
    await using client = clientFor(server)
    const reply = await client.chat(wire.question)
    const streamed = await client.streamChat(wire.question).final()
    const history = await client.getChatHistory({ chatId: wire.chatId })
    const page = await client.getChatLogs({ limit: 10, startDatetime: new Date("2023-01-01T00:00:00Z") })
    const rows = []
    for await (const row of client.chatLogs({ endDatetime: "2023-01-01T00:00:00Z" })) rows.push(row)

    expect(reply).toMatchObject({ text: wire.chatResponse.text, timestamp: new Date("2024-09-25T19:12:20.178Z") })
    expect(streamed.text).toBe("Hail.")
    expect(history.messages[0]!.messageId).toBe("0c1d")
    expect(page).toMatchObject({ totalRecords: 1, currentSkip: 0 })
    expect(rows).toMatchObject(page.messages)
    expect(server.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
      "POST /chat-service/chat",
      "POST /chat-service/chat",
      "GET /chat-service/chat_history?chat_id=google-oauth2%7C117349365869611297391_Insurance%20Underwriting%20AI%20Agent",
      "GET /chat-service/chat_logs/?skip=0&limit=10&start_datetime=2023-01-01T00%3A00%3A00.000Z&is_sop_chat=false",
      "GET /chat-service/chat_logs/?skip=0&limit=100&end_datetime=2023-01-01T00%3A00%3A00Z&is_sop_chat=false"
    ])
  })

  it("run side by side", async () => {
    await using server = await startService()
    await using client = clientFor(server)
    const replies = await Promise.all(Array.from({ length: 50 }, () => client.chat(wire.question)))
    expect(replies.length).toBe(50)
  })

  it("take settings for one call", async () => {
    await using server = await startRawServer(({ request, write }) =>
      JSON.parse(request.body).stream ? write(eventStream(wire.piece("Hail."))) : undefined
    )
    await using client = clientFor(server)
    const tooLong = await rejection(client.streamChat(wire.question, { maxEventLength: 10 }).final())
    expect(tooLong.reason.message).toContain("longer than 10 characters")
    const error = await rejection(client.chat(wire.question, { timeouts: { firstByte: 20 } }))
    expect(error.reason).toBeInstanceOf(TimeoutError)
    expect(error.reason).toMatchObject({ limit: "firstByte", duration: 20 })
    expect((await rejection(client.chat(wire.question, { timeouts: { idle: -1 } }))).reason).toBeInstanceOf(
      InvalidRequest
    )
  })
})

describe("rejections", () => {
  it("are instances of the error classes, with their tags", async () => {
    const statuses = [404, 401, 429, 500]
    await using server = await startRawServer(({ write }, i) => write(json({ detail: "no" }, { status: statuses[i]! })))
    await using client = clientFor(server)
    const errors = []
    for (const _ of statuses) errors.push(await rejection(client.chat(wire.question, { retry: false })))

    expect(errors.map((error) => error._tag)).toEqual(["NotFound", "Unauthorized", "ApiError", "ApiError"])
    expect(errors[0]).toBeInstanceOf(NotFound)
    expect(errors[1]).toBeInstanceOf(Unauthorized)
    expect(errors[2]).toBeInstanceOf(ApiError)
    expect(errors[2].reason).toBeInstanceOf(RateLimited)
    expect(errors[3].reason).toBeInstanceOf(ServerError)
    for (const error of errors) expect(error).toBeInstanceOf(Error)
  })

  it("count the attempts, of which retry sets the number for one call or for all", async () => {
    const unavailable = json({ detail: "no" }, { status: 503 })
    await using server = await startRawServer(({ write }) => write(unavailable))
    await using client = createChatClient({
      env: server.url,
      authToken: token,
      retry: { maxAttempts: 2, baseDelay: 1 }
    })
    const configured = await rejection(client.getChatLogs())
    const single = await rejection(client.getChatLogs({}, { retry: { maxAttempts: 4 } }))
    expect([configured.attempts, single.attempts]).toEqual([2, 4])
    expect(server.requests.length).toBe(6)
  })

  it("print as errors do: message, stack and fields", async () => {
    await using server = await startRawServer(({ write }) => write(json({ detail: "no" }, { status: 500 })))
    await using client = clientFor(server)
    const printed = inspect(await rejection(client.chat(wire.question)))
    expect(printed).toMatch(/^ApiError: chat: the service failed \(500\): no\. The message may .*\.\n {4}at /)
    expect(printed).toMatch(/attempts: 1/)
    expect(printed).toMatch(/_tag: 'ServerError'/)
  })

  it("come from no service, too", async () => {
    const { url } = await startRawServer().then(async (server) => (await server[Symbol.asyncDispose](), server))
    const error = await rejection(createChatClient({ env: url, authToken: token }).chat(wire.question))
    expect(error.reason).toBeInstanceOf(TransportError)
    expect(error.reason.code).toBe("ECONNREFUSED")
  })

  it.each<[string, (client: ChatClient) => Promise<unknown>]>([
    ["chat", (client) => client.chat({} as never)],
    ["chat without a request", (client) => client.chat(undefined as never)],
    ["streamChat", (client) => client.streamChat({} as never).final()],
    ["getChatHistory", (client) => client.getChatHistory({ chatId: "" })],
    ["getChatLogs", (client) => client.getChatLogs({ limit: 0 })],
    ["chatLogs", (client) => readAll(client.chatLogs({ pageSize: 0 }))]
  ])("tell of a request that makes no sense; nothing is thrown, nothing is sent: %s", async (_, call) => {
    await using server = await startService()
    const error = await rejection(call(clientFor(server)))
    expect(error.reason).toBeInstanceOf(InvalidRequest)
    expect(server.requests).toEqual([])
  })
})

describe("an abort", () => {
  const calls: ReadonlyArray<[string, (client: ChatClient, signal: AbortSignal) => Promise<unknown>]> = [
    ["chat", (client, signal) => client.chat(wire.question, { signal })],
    ["streamChat", (client, signal) => client.streamChat(wire.question, { signal }).final()],
    ["getChatHistory", (client, signal) => client.getChatHistory({ chatId: "c" }, { signal })],
    ["getChatLogs", (client, signal) => client.getChatLogs({}, { signal })],
    ["chatLogs", (client, signal) => readAll(client.chatLogs({}, { signal }))]
  ]

  it.each(calls)("before %s: nothing is sent", async (_, call) => {
    await using server = await startService()
    const signal = AbortSignal.abort()
    const error = await rejection(call(clientFor(server), signal))
    expect(error.name).toBe("AbortError")
    expect(error).toBe(signal.reason)
    expect(server.requests).toEqual([])
    expect(getEventListeners(signal, "abort")).toEqual([])
  })

  it.each(calls)("while %s waits for the headers closes the connection", async (_, call) => {
    await using server = await startRawServer()
    const controller = new AbortController()
    const promise = rejection(call(clientFor(server), controller.signal))
    const { closed } = await server.received()
    controller.abort()
    expect(await promise).toBe(controller.signal.reason)
    await closed
    expect(getEventListeners(controller.signal, "abort")).toEqual([])
  })

  it.each(calls)("while %s reads the body closes the connection", async (_, call) => {
    const bodyHead = head({ "content-type": "application/json", "content-length": "100" })
    await using server = await startRawServer(({ write }) => write(bodyHead + '{"'))
    const arrived = Promise.withResolvers<void>()
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await globalThis.fetch(input, init)
      arrived.resolve()
      return response
    }
    const controller = new AbortController()
    const client = createChatClient({ env: server.url, authToken: token, fetch })
    const promise = rejection(call(client, controller.signal))
    await arrived.promise
    controller.abort()
    expect(await promise).toBe(controller.signal.reason)
    await (
      await server.received()
    ).closed
  })

  it.each<[string, unknown]>([
    ["an error", new Error("the user left")],
    ["a text", "the user left"],
    ["a timeout", new DOMException("too slow", "TimeoutError")]
  ])("rejects with an AbortError that carries %s as its cause", async (_, reason) => {
    await using server = await startRawServer()
    const controller = new AbortController()
    const promise = rejection(clientFor(server).chat(wire.question, { signal: controller.signal }))
    await server.received()
    controller.abort(reason)
    const error = await promise
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe("AbortError")
    expect(error.cause).toBe(reason)
  })

  it.each(calls)("after %s is nothing to it, and leaves no listener", async (_, call) => {
    await using server = await startService()
    const { signal } = new AbortController()
    await call(clientFor(server), signal)
    expect(getEventListeners(signal, "abort")).toEqual([])
  })

  it("leaves other calls alone", async () => {
    await using server = await startRawServer()
    await using client = clientFor(server)
    const controller = new AbortController()
    const one = rejection(client.chat(wire.question, { signal: controller.signal }))
    const two = client.getChatHistory({ chatId: "c" })
    const exchanges = await Promise.all([server.received(0), server.received(1)])
    controller.abort()
    expect(await one).toBe(controller.signal.reason)
    await exchanges.find(({ request }) => request.method === "GET")!.write(json(wire.chatHistory))
    expect((await two).messages.length).toBe(1)
  })
})

describe("close", () => {
  it("ends the calls that are running and closes their connections", async () => {
    await using server = await startRawServer()
    const client = clientFor(server)
    const calls = [client.chat(wire.question), client.getChatLogs(), client.streamChat(wire.question).final()]
    const errors = Promise.all(calls.map(rejection))
    const exchanges = await Promise.all([server.received(0), server.received(1), server.received(2)])
    await client.close()
    for (const error of await errors) {
      expect(error.name).toBe("AbortError")
      expect(error.message).toBe("The chat client is closed.")
    }
    await Promise.all(exchanges.map(({ closed }) => closed))
  })

  it("is done at the end of `await using`, and rejects what comes after it", async () => {
    await using server = await startService()
    let leaked: ChatClient
    {
      await using client = clientFor(server)
      leaked = client
      await client.getChatLogs()
    }
    const after = [
      leaked.chat(wire.question),
      leaked.streamChat(wire.question).final(),
      leaked.getChatHistory({ chatId: "c" }),
      leaked.getChatLogs(),
      readAll(leaked.chatLogs())
    ]
    for (const error of await Promise.all(after.map(rejection)))
      expect(error.message).toBe("The chat client is closed.")
    expect(server.requests.length).toBe(1)
  })

  it("may be called twice", async () => {
    const client = createChatClient({ env: "local", authToken: token })
    await Promise.all([client.close(), client.close()])
    await client.close()
  })
})
