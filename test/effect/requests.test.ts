import { describe, expect, it } from "@effect/vitest"
import { ChatOperations, ChatStream, type GetChatLogsRequest, WeavConfig } from "@weavai/effect"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { clientFor, failureOf, token } from "../support/client.ts"
import { type RawServer, rawServer } from "../support/rawServer.ts"
import { eventStream, json } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

/** A service that answers each operation well. */
const service = rawServer(({ request, write }) => {
  if (request.target.includes("/chat_logs")) return write(json(wire.chatLogs))
  if (request.target.includes("/chat_history")) return write(json(wire.chatHistory))
  return write(JSON.parse(request.body).stream ? eventStream(wire.piece("Hail.")) : json(wire.chatResponse))
})

/** Fetch adds headers of its own; of the others there must not be one more. */
const fetchHeaders = /^(host|connection|content-length|accept-(language|encoding)|sec-fetch-mode|user-agent)$/
const traceHeaders = /^(b3|traceparent)$/

const headersOf = (server: RawServer, except: ReadonlyArray<RegExp>) =>
  Object.fromEntries(
    Object.entries(server.requests[0]!.headers).filter(([name]) => !except.some((names) => names.test(name)))
  )

describe("on the wire", () => {
  const authorization = `Bearer ${token}`
  const sent = { user_input: wire.question.userInput, file_id: wire.fileId, chat_id: wire.chatId }
  const operations = [
    {
      name: "getChatLogs",
      call: Effect.asVoid(ChatOperations.getChatLogs()),
      line: "GET /chat-service/chat_logs/?skip=0&limit=25&is_sop_chat=false",
      headers: { authorization, accept: "application/json" },
      body: undefined
    },
    {
      name: "getChatHistory",
      call: Effect.asVoid(ChatOperations.getChatHistory({ chatId: wire.chatId })),
      line: "GET /chat-service/chat_history?chat_id=google-oauth2%7C117349365869611297391_Insurance%20Underwriting%20AI%20Agent",
      headers: { authorization, accept: "application/json" },
      body: undefined
    },
    {
      name: "chat",
      call: Effect.asVoid(ChatOperations.chat(wire.question)),
      line: "POST /chat-service/chat",
      headers: { authorization, accept: "application/json", "content-type": "application/json" },
      body: { ...sent, stream: false }
    },
    {
      name: "streamChat",
      call: Stream.runDrain(ChatOperations.streamChat(wire.question)),
      line: "POST /chat-service/chat",
      headers: {
        authorization,
        accept: "text/event-stream, application/x-ndjson;q=0.9, application/json;q=0.8",
        "content-type": "application/json"
      },
      body: { ...sent, stream: true }
    },
    {
      name: "chatLogs",
      call: Stream.runDrain(ChatOperations.chatLogs()),
      line: "GET /chat-service/chat_logs/?skip=0&limit=100&is_sop_chat=false",
      headers: { authorization, accept: "application/json" },
      body: undefined
    }
  ]

  it.effect.each(operations)("$name", ({ body, call, headers, line }) =>
    Effect.gen(function* () {
      const server = yield* service
      yield* call.pipe(Effect.provide(clientFor(server)))
      expect(server.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([line])
      expect(server.requests[0]!.body === "" ? undefined : JSON.parse(server.requests[0]!.body)).toEqual(body)
      expect(headersOf(server, [fetchHeaders, traceHeaders])).toEqual(headers)
    })
  )

  it.effect("trace headers, which fail a browser's preflight, are left off", () =>
    Effect.gen(function* () {
      const server = yield* service
      yield* ChatOperations.getChatLogs().pipe(Effect.provide(clientFor(server)))
      expect(Object.keys(headersOf(server, [fetchHeaders]))).toEqual(["accept", "authorization"])
    })
  )

  it.effect.each<[GetChatLogsRequest, string]>([
    [{ skip: 50, limit: 10, isSopChat: true }, "skip=50&limit=10&is_sop_chat=true"],
    [{ startDatetime: "", endDatetime: null }, "skip=0&limit=25&is_sop_chat=false"],
    [{ startDatetime: undefined, skip: undefined, limit: undefined }, "skip=0&limit=25&is_sop_chat=false"],
    [
      { startDatetime: "2023-01-01", endDatetime: "2023-01-01" },
      "skip=0&limit=25&start_datetime=2023-01-01&end_datetime=2023-01-01&is_sop_chat=false"
    ],
    [
      { startDatetime: "2023-01-01T00:00:00Z" },
      "skip=0&limit=25&start_datetime=2023-01-01T00%3A00%3A00Z&is_sop_chat=false"
    ],
    [
      { startDatetime: "2024-09-25 19:12:20.178930+00:00" },
      "skip=0&limit=25&start_datetime=2024-09-25%2019%3A12%3A20.178930%2B00%3A00&is_sop_chat=false"
    ],
    [
      { startDatetime: new Date("2023-01-01T00:00:00Z"), endDatetime: DateTime.makeUnsafe("2023-02-01T00:00:00Z") },
      "skip=0&limit=25&start_datetime=2023-01-01T00%3A00%3A00.000Z&end_datetime=2023-02-01T00%3A00%3A00.000Z&is_sop_chat=false"
    ],
    [
      { endDatetime: DateTime.makeZonedUnsafe("2023-02-01T00:00:00Z", { timeZone: "America/New_York" }) },
      "skip=0&limit=25&end_datetime=2023-02-01T00%3A00%3A00.000Z&is_sop_chat=false"
    ]
  ])("the query of %o", ([request, query]) =>
    Effect.gen(function* () {
      const server = yield* service
      yield* ChatOperations.getChatLogs(request).pipe(Effect.provide(clientFor(server)))
      expect(server.requests[0]!.target).toBe(`/chat-service/chat_logs/?${query}`)
    })
  )

  it.effect.each(["a+b c%20d", "a&skip=9#x?y=z", "ÄÖ 🌩️", "../chat_logs/", "'\"\\<>`{}|^~*()!", " "])(
    "the chat id %j arrives as it was given",
    (chatId) =>
      Effect.gen(function* () {
        const server = yield* service
        yield* ChatOperations.getChatHistory({ chatId }).pipe(Effect.provide(clientFor(server)))
        const [path, query] = server.requests[0]!.target.split("?chat_id=")
        expect(path).toBe("/chat-service/chat_history")
        expect(query).not.toMatch(/[+&?#]/)
        expect(decodeURIComponent(query!)).toBe(chatId)
      })
  )

  it.effect("text of any script arrives as it was given", () =>
    Effect.gen(function* () {
      const server = yield* service
      const userInput = 'Größe? "保険"\n🌩️ \u0000\u2028'
      yield* ChatOperations.chat({ ...wire.question, userInput }).pipe(Effect.provide(clientFor(server)))
      expect(JSON.parse(server.requests[0]!.body)).toMatchObject({ user_input: userInput })
    })
  )
})

describe("transformRequest", () => {
  const chatWith = (server: RawServer, transformRequest: (request: HttpClientRequest.HttpClientRequest) => any) =>
    ChatOperations.chat(wire.question, { transformRequest }).pipe(Effect.provide(clientFor(server)))

  it.effect("adds a header", () =>
    Effect.gen(function* () {
      const server = yield* service
      yield* chatWith(server, HttpClientRequest.setHeader("x-tenant", "7"))
      expect(server.requests[0]!.headers).toMatchObject({ "x-tenant": "7", authorization: `Bearer ${token}` })
    })
  )

  it.effect("does not change the token", () =>
    Effect.gen(function* () {
      const server = yield* service
      yield* chatWith(server, HttpClientRequest.setHeader("authorization", "Bearer other"))
      expect(server.requests[0]!.headers["authorization"]).toBe(`Bearer ${token}`)
    })
  )

  it.effect.each(["http://elsewhere.example/chat", "http://127.0.0.1:1/chat", "//elsewhere.example", "nonsense"])(
    "cannot move the request, and the token with it, to %s",
    (url) =>
      Effect.gen(function* () {
        const server = yield* service
        const error = yield* failureOf(chatWith(server, HttpClientRequest.setUrl(url)))
        expect(error).toMatchObject({ _tag: "InvalidRequest", issues: [{ field: "transformRequest" }] })
        expect(error.message).toContain(`must keep the request at ${server.url}`)
        expect(server.requests).toEqual([])
      })
  )

  it.effect.each<[string, (request: HttpClientRequest.HttpClientRequest) => unknown, string]>([
    [
      "throws",
      () => {
        throw new RangeError(`no tenant for ${token}`)
      },
      "threw RangeError: no tenant for <redacted>"
    ],
    [
      "throws no error",
      () => {
        throw token
      },
      "threw no Error"
    ],
    ["returns nothing", () => undefined, "must return a request, got undefined"],
    ["returns a promise", async (request) => request, "must return a request, got object"]
  ])("that %s is an invalid request", ([, transform, message]) =>
    Effect.gen(function* () {
      const server = yield* service
      const error = yield* ChatOperations.chat(wire.question, { transformRequest: transform as never }).pipe(
        Effect.flip,
        Effect.provide(clientFor(server, { retry: {} }))
      )
      const issues = [{ field: "transformRequest", message }]
      expect(error).toMatchObject({ attempts: 0, messageArrived: "no", reason: { _tag: "InvalidRequest", issues } })
      expect(server.requests).toEqual([])
    })
  )
})

describe("one call", () => {
  it.effect("overrides the configuration", () =>
    Effect.gen(function* () {
      const server = yield* service
      const setting = (value: string) => ({ transformRequest: HttpClientRequest.setHeader("x-setting", value) })
      yield* Effect.andThen(
        ChatOperations.getChatHistory({ chatId: "c" }, setting("call's")),
        ChatOperations.getChatHistory({ chatId: "c" }, { timeouts: { idle: "1 second" } })
      ).pipe(Effect.provide(clientFor(server, setting("configured"))))
      expect(server.requests.map(({ headers }) => headers["x-setting"])).toEqual(["call's", "configured"])
    })
  )

  it.effect.each<[object, string]>([
    [{ maxEventLength: 0 }, "maxEventLength"],
    [{ timeouts: { total: "soon" } }, "timeouts.total"]
  ])("refuses the setting %o", ([options, field]) =>
    Effect.gen(function* () {
      const server = yield* service
      for (const call of [
        ChatOperations.chat(wire.question, options),
        ChatStream.collect(ChatOperations.streamChat(wire.question, options))
      ]) {
        const error = yield* call.pipe(failureOf, Effect.provide(clientFor(server)))
        expect(error).toMatchObject({ _tag: "InvalidRequest", issues: [{ field }] })
      }
      expect(server.requests).toEqual([])
    })
  )

  it.effect("takes another configuration, or another HTTP client, by layer", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* service, yield* service]
      const read = ChatOperations.getChatHistory({ chatId: "c" })
      const canned = HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, Response.json({ messages: null })))
      )
      const histories = yield* Effect.all([
        read,
        read.pipe(Effect.provide(WeavConfig.layer({ env: two.url, authToken: Redacted.make("another") }))),
        read.pipe(Effect.provide(Layer.succeed(HttpClient.HttpClient, canned)))
      ]).pipe(Effect.provide(clientFor(one)))
      expect(histories.map((history) => history.messages.length)).toEqual([1, 1, 0])
      expect(one.requests.map(({ headers }) => headers["authorization"])).toEqual([`Bearer ${token}`])
      expect(two.requests.map(({ headers }) => headers["authorization"])).toEqual(["Bearer another"])
    })
  )
})

describe("a request that makes no sense is not sent, and every field that is wrong is named", () => {
  const loneSurrogate = "\ud83c"
  const logs = (request: unknown) => Effect.asVoid(ChatOperations.getChatLogs(request as never))
  const walk = (request: unknown) => Stream.runDrain(ChatOperations.chatLogs(request as never))
  const history = (request: unknown) => Effect.asVoid(ChatOperations.getChatHistory(request as never))
  const chat = (request: unknown) => Effect.asVoid(ChatOperations.chat(request as never))
  const stream = (request: unknown) => Stream.runDrain(ChatOperations.streamChat(request as never))

  const cases: ReadonlyArray<[string, ReturnType<typeof logs>, ReadonlyArray<string>]> = [
    ["negative skip", logs({ skip: -1 }), ["skip"]],
    ["limit 0", logs({ limit: 0 }), ["limit"]],
    ["limit NaN", logs({ limit: NaN }), ["limit"]],
    ["infinite limit", logs({ limit: Infinity }), ["limit"]],
    ["skip 1.5", logs({ skip: 1.5 }), ["skip"]],
    ['limit "5"', logs({ limit: "5" }), ["limit"]],
    ["limit null", logs({ limit: null }), ["limit"]],
    ["skip beyond safe integers", logs({ skip: 2 ** 53 }), ["skip"]],
    ["skip and limit", logs({ skip: -1, limit: 0 }), ["skip", "limit"]],
    ['isSopChat "true"', logs({ isSopChat: "true" }), ["isSopChat"]],
    ["an unreadable date", logs({ startDatetime: "yesterday" }), ["startDatetime"]],
    ["a date that is none", logs({ startDatetime: "2023-02-30" }), ["startDatetime"]],
    ["an invalid Date", logs({ endDatetime: new Date(NaN) }), ["endDatetime"]],
    ["a date in milliseconds", logs({ endDatetime: 1_700_000_000_000 }), ["endDatetime"]],
    ["two bad dates", logs({ startDatetime: {}, endDatetime: "soon" }), ["startDatetime", "endDatetime"]],
    ["start after end", logs({ startDatetime: "2024-01-02", endDatetime: new Date("2024-01-01") }), ["startDatetime"]],
    ["no object", logs("all"), ["request"]],
    ["null", logs(null), ["request"]],
    ["page size 0", walk({ pageSize: 0 }), ["pageSize"]],
    ["start after end in a walk", walk({ startDatetime: "2024-01-02", endDatetime: "2024-01-01" }), ["startDatetime"]],
    ["an empty chatId", history({ chatId: "" }), ["chatId"]],
    ["no chatId", history({}), ["chatId"]],
    ["a chatId that is no text", history({ chatId: 7 }), ["chatId"]],
    ["a chatId that cannot be encoded", history({ chatId: `a${loneSurrogate}` }), ["chatId"]],
    ["no history request", history(undefined), ["request"]],
    ["an empty message", chat({ ...wire.question, userInput: "" }), ["userInput"]],
    ["a message of null", chat({ ...wire.question, userInput: null }), ["userInput"]],
    ["half a character", chat({ ...wire.question, userInput: `a${loneSurrogate}b` }), ["userInput"]],
    ["no ids", chat({ userInput: "Hail?" }), ["chatId", "fileId"]],
    [
      "names as on the wire",
      chat({ user_input: "Hail?", chat_id: "c", file_id: "f" }),
      ["userInput", "chatId", "fileId"]
    ],
    ["no chat request", chat(undefined), ["request"]],
    ["an empty fileId in a stream", stream({ ...wire.question, fileId: "" }), ["fileId"]],
    ["no request of a stream", stream(undefined), ["request"]]
  ]

  it.effect.each(cases)("%s", ([, call, fields]) =>
    Effect.gen(function* () {
      const server = yield* service
      const error = yield* call.pipe(failureOf, Effect.provide(clientFor(server)))
      if (error._tag !== "InvalidRequest") return expect.fail(`an InvalidRequest was expected, got ${error._tag}`)
      expect(error.issues.map(({ field }) => field).sort()).toEqual([...fields].sort())
      expect(error.status).toBeUndefined()
      expect(server.requests).toEqual([])
    })
  )

  it.effect.each<[ReturnType<typeof logs>, string]>([
    [logs({ skip: -1 }), "getChatLogs: skip must be an integer of 0 or more, got -1"],
    [logs({ limit: "5" }), 'getChatLogs: limit must be an integer of 1 or more, got "5"'],
    [chat({ userInput: "a", chatId: "b" }), "chat: fileId must be given, got undefined"],
    [
      logs({ startDatetime: "yesterday" }),
      'getChatLogs: startDatetime must be a Date, a DateTime or an ISO 8601 string such as 2023-01-01T00:00:00Z, got "yesterday"'
    ]
  ])("and the message says what would be right: %#", ([call, message]) =>
    Effect.gen(function* () {
      const server = yield* service
      const error = yield* call.pipe(failureOf, Effect.provide(clientFor(server)))
      expect(error.message).toBe(message)
    })
  )
})
