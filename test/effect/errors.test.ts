import { describe, expect, it } from "@effect/vitest"
import {
  ApiError,
  ChatError,
  ChatOperations,
  ChatResponse,
  InvalidRequest,
  InvalidResponse,
  NotFound,
  RateLimited,
  ServerError,
  StreamInterrupted,
  TimeoutError,
  TransportError,
  Unauthorized,
  UnexpectedStatus
} from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { clientFor, failureOf } from "../support/client.ts"
import { type Script, rawServer } from "../support/rawServer.ts"
import { head, json, response } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

const chatAgainst = Effect.fnUntraced(function* (script: Script) {
  const server = yield* rawServer(script)
  return yield* ChatOperations.chat(wire.question).pipe(failureOf, Effect.provide(clientFor(server)))
})

const chatAnswered = (bytes: string) => chatAgainst(({ write }) => write(bytes))

describe("a status", () => {
  const issue = { loc: ["query", "limit"], msg: "Input should be greater than 0", type: "greater_than" }
  const other = { loc: ["body", "items", 0], msg: "Field required", type: "missing" }

  it.effect.each<[string, string, string | undefined]>([
    ["FastAPI's string", '{"detail":"Chat not found"}', "Chat not found"],
    [
      "FastAPI's list",
      JSON.stringify({ detail: [issue, other] }),
      "query.limit Input should be greater than 0; body.items.0 Field required"
    ],
    ["an empty list", '{"detail":[]}', undefined],
    ["a list of texts", '{"detail":["too long"]}', "request too long"],
    ["detail.message", '{"detail":{"message":"Busy","code":7}}', "Busy"],
    ["message", '{"message":"Busy"}', "Busy"],
    ["error", '{"error":"Busy"}', "Busy"],
    ["error.message", '{"error":{"message":"Busy"}}', "Busy"],
    ["another field", '{"reason":"Busy"}', undefined],
    ["a JSON text", '"Busy"', "Busy"],
    ["a JSON number", "7", "7"],
    ["JSON null", "null", "null"],
    ["a JSON list", "[1,2]", undefined],
    ["a page", "<html><head><title> 502 Bad Gateway </title></head><body>x</body></html>", "502 Bad Gateway"],
    ["a page without title", "<html><body>x</body></html>", undefined],
    ["plain text", "upstream connect error\n", "upstream connect error"],
    ["long plain text", "x".repeat(201), undefined],
    ["nothing", "", undefined]
  ])("with %s", ([, body, detail]) =>
    Effect.gen(function* () {
      const error = yield* chatAnswered(response(body, { status: 500, headers: { "content-type": "any/thing" } }))
      if (error._tag !== "ServerError") return expect.fail(error._tag)
      expect(error.detail).toBe(detail)
      expect(error.body).toBe(body)
      expect(error.requestId).toBeUndefined()
    })
  )

  it.effect.each([400, 422])("%i names the fields that the service refused", (status) =>
    Effect.gen(function* () {
      const error = yield* chatAnswered(json({ detail: [issue, other] }, { status }))
      expect(error).toHaveProperty("issues", [
        { field: "query.limit", message: "Input should be greater than 0" },
        { field: "body.items.0", message: "Field required" }
      ])
    })
  )

  it.effect("keeps the start of a long body only", () =>
    Effect.gen(function* () {
      const detail = "x".repeat(100_000)
      const error = yield* chatAnswered(json({ detail }, { status: 500 }))
      expect(error).toMatchObject({ body: `{"detail":"${detail}`.slice(0, 1000), detail: detail.slice(0, 1000) })
    })
  )

  it.effect.each<[number, string, number | undefined]>([
    [429, "7", 7000],
    [503, "7", 7000],
    [429, "0", 0],
    // The test's clock stands at the epoch.
    [429, "Thu, 01 Jan 1970 00:01:30 GMT", 90_000],
    [503, "Wed, 31 Dec 1969 23:59:00 GMT", 0],
    [429, "soon", undefined],
    [429, "", undefined],
    [429, "-5", undefined]
  ])("%i with Retry-After: %s", ([status, header, retryAfter]) =>
    Effect.gen(function* () {
      const error = yield* chatAnswered(json({}, { status, headers: { "retry-after": header } }))
      if (error._tag !== "RateLimited" && error._tag !== "ServerError") return expect.fail(error._tag)
      expect(error.retryAfter).toBe(retryAfter)
    })
  )

  it.effect("is what it is, even if its body breaks off", () =>
    Effect.gen(function* () {
      const error = yield* chatAgainst(async ({ reset, write }) => {
        await write(head({ "content-length": "100" }, 401) + '{"detail":"Token has exp')
        reset()
      })
      expect(error).toMatchObject({ _tag: "Unauthorized", status: 401 })
    })
  )
})

describe("a good status with a body that is none", () => {
  const html = "<html><title>Sign in</title></html>"
  it.effect.each<[string, string, string]>([
    ["204", response("", { status: 204 }), "the body is empty"],
    ["an empty body", response(""), "the body is empty"],
    ["blanks", response(" \n"), "the body is empty"],
    ["a sign-in page", response(html, { headers: { "content-type": "text/html" } }), "the body is no JSON"],
    ["JSON that is cut short", response(JSON.stringify(wire.chatResponse).slice(0, -1)), "the body is no JSON"]
  ])("%s", ([, bytes, description]) =>
    Effect.gen(function* () {
      const error = yield* chatAnswered(bytes)
      expect(error).toMatchObject({ _tag: "InvalidResponse", operation: "chat", description })
    })
  )

  it.effect("keeps the start of it", () =>
    Effect.gen(function* () {
      const error = yield* chatAnswered(response(html.padEnd(5000), { headers: { "x-request-id": "r-7" } }))
      expect(error).toMatchObject({ body: html.padEnd(1000), requestId: "r-7", status: 200 })
    })
  )
})

describe("no response", () => {
  it.effect("refused", () =>
    Effect.gen(function* () {
      const server = yield* Effect.scoped(rawServer())
      const error = yield* ChatOperations.chat(wire.question).pipe(failureOf, Effect.provide(clientFor(server)))
      expect(error.message).toMatch(/^chat: no response from the service: .*ECONNREFUSED 127\.0\.0\.1/)
    })
  )
})

describe("messages say what happened and what to do", () => {
  const requestId = { "x-request-id": "r-7" }
  it.effect.each<[string, string]>([
    [
      json({ detail: "Token has expired" }, { status: 401, headers: requestId }),
      "chat: the service refused the token (401, request r-7): Token has expired. Check authToken: it may have expired or belong to another env."
    ],
    [
      response("", { status: 404 }),
      "chat: not found (404). Check chatId and fileId, and that env names the right service."
    ],
    [
      json({ detail: [{ loc: ["body", "file_id"], msg: "Field required" }] }, { status: 422 }),
      "chat: the service refused the request (422): body.file_id Field required."
    ],
    [
      json({ detail: "Slow down!" }, { status: 429, headers: { "retry-after": "7" } }),
      "chat: too many requests (429): Slow down! Wait 7 s before the next one."
    ],
    [response("<title>502 Bad Gateway</title>", { status: 502 }), "chat: the service failed (502): 502 Bad Gateway."],
    [json({ ...wire.chatResponse, text: null }), "text"]
  ])("%#", ([bytes, message]) => Effect.map(chatAnswered(bytes), (error) => expect(error.message).toContain(message)))
})

describe("handling", () => {
  const answeredWith = (status: number) =>
    rawServer(({ write }) => write(json({ detail: "no" }, { status, headers: { "retry-after": "7" } })))
  const handled = ChatOperations.chat(wire.question).pipe(
    Effect.map((reply) => reply.text),
    Effect.catchTag("NotFound", (error) => Effect.succeed(`not found: ${error.detail}`)),
    Effect.catchReason("ApiError", "RateLimited", (reason) => Effect.succeed(`wait ${reason.retryAfter}`)),
    Effect.catchTag("ApiError", (error) => Effect.succeed(`${error.operation}: ${error.reason._tag}`))
  )

  it.effect.each([
    [404, "not found: no"],
    [429, "wait 7000"],
    [500, "chat: ServerError"]
  ] as const)("a %i by its tag or reason", ([status, outcome]) =>
    Effect.gen(function* () {
      const server = yield* answeredWith(status)
      expect(yield* handled.pipe(Effect.provide(clientFor(server)))).toBe(outcome)
    })
  )

  it.effect("leaves the others as they were", () =>
    Effect.gen(function* () {
      const server = yield* answeredWith(401)
      expect(yield* handled.pipe(Effect.flip, Effect.provide(clientFor(server)))).toMatchObject({
        _tag: "Unauthorized"
      })
    })
  )
})

describe("failures travel as JSON", () => {
  const response = { status: 500, requestId: "r-7", detail: "Busy", body: "{}" }
  const reasons = [
    new InvalidRequest({ operation: "chat", ...response, issues: [{ field: "query.limit", message: "too small" }] }),
    new InvalidRequest({
      operation: "getChatLogs",
      body: "",
      issues: [{ field: "skip", message: "must be 0 or more" }]
    }),
    new RateLimited({ operation: "chat", ...response, retryAfter: 7000 }),
    new ServerError({ operation: "chat", ...response }),
    new UnexpectedStatus({ operation: "chat", status: 403, body: "" }),
    new TransportError({ operation: "chat", code: "ECONNRESET", description: "read ECONNRESET" }),
    new TimeoutError({ operation: "streamChat", limit: "idle", duration: 60_000 }),
    new InvalidResponse({ operation: "chat", ...response, description: "text: Expected string" }),
    new StreamInterrupted({ operation: "streamChat", description: "cut", answer: null }),
    new StreamInterrupted({
      operation: "streamChat",
      requestId: "r-7",
      description: "cut",
      answer: Schema.decodeUnknownSync(ChatResponse)(wire.chatResponse)
    })
  ]
  const errors: ReadonlyArray<ChatError> = [
    new Unauthorized({ operation: "chat", ...response }),
    new Unauthorized({ operation: "chat", detail: "the vault is sealed", body: "" }),
    new NotFound({ operation: "getChatHistory", ...response }),
    ...reasons.map((reason) => new ApiError({ reason, attempts: 2 })),
    ...(["no", "yes"] as const).map(
      (messageArrived) =>
        new ApiError({ reason: new ServerError({ operation: "chat", ...response }), attempts: 1, messageArrived })
    )
  ]

  it.effect.each(errors)("%s", (error) =>
    Effect.gen(function* () {
      const json = JSON.stringify(yield* Schema.encodeEffect(ChatError)(error))
      const decoded = yield* Schema.decodeUnknownEffect(ChatError)(JSON.parse(json))
      expect(decoded).toEqual(error)
      expect(decoded.message).toBe(error.message)
      expect(decoded).toBeInstanceOf(error.constructor)
    })
  )
})
