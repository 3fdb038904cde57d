import { assert, describe, it, layer } from "@effect/vitest"
import { Chats, LocalServer, type ServerOptions, type ServiceOptions } from "@weavai/local"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { once } from "node:events"
import type { Server } from "node:http"
import * as Net from "node:net"
import { DatabaseSync } from "node:sqlite"
import { policyFolder, question } from "../support/policyFolder.ts"

const serve = (options?: ServerOptions) =>
  Layer.unwrap(
    Effect.map(policyFolder, ({ documents }) => LocalServer.layer({ port: 0, documents: [documents], ...options }))
  )

interface Call extends Omit<RequestInit, "body"> {
  readonly json?: unknown
  readonly body?: string
  readonly token?: string | null
}

/** Plain fetch, as any client may call. */
const call = Effect.fnUntraced(function* (path: string, { json, token = "t0ken", headers, ...init }: Call = {}) {
  const { url } = yield* LocalServer
  return yield* Effect.promise(async () => {
    const response = await fetch(url + path, {
      method: json === undefined && init.body === undefined ? "GET" : "POST",
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...init,
      headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers }
    })
    const text = await response.text()
    const isJson = response.headers.get("content-type") === "application/json"
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text ? JSON.parse(text) : undefined
    }
  })
})

const chatBody = Effect.fnUntraced(function* (chatId: string, more?: object) {
  const { documents } = yield* LocalServer
  return { user_input: question, file_id: documents[0]?.fileId, chat_id: chatId, ...more }
})

const ask = Effect.fnUntraced(function* (chatId: string, more?: object) {
  return yield* call("/chat", { json: yield* chatBody(chatId, more) })
})

const eventsOf = (text: string) => {
  assert.isTrue(text.endsWith("\n\n"))
  return text.slice(0, -2).split("\n\n")
}

/** Sends the bytes as they are; the response up to the end of the connection. */
const raw = Effect.fnUntraced(function* (request: string) {
  const { url } = yield* LocalServer
  return yield* Effect.promise(async () => {
    const socket = Net.connect(Number(new URL(url).port), "127.0.0.1")
    let text = ""
    socket.setEncoding("utf8").on("data", (data) => (text += data))
    socket.write(request)
    await closing(socket)
    return text
  })
})

/** What the `requests` library of Python adds to a request. */
const pythonHeaders = [
  "Host: localhost:7030",
  "User-Agent: python-requests/2.31.0",
  "Accept-Encoding: gzip, deflate",
  "Connection: close",
  "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJnb29nbGUtb2F1dGgyfDExNyJ9.c2ln"
].join("\r\n")

layer(serve(), { excludeTestServices: true })("a server that takes any token", (it) => {
  it.effect("says where it is and what can be asked", () =>
    Effect.gen(function* () {
      const { url, documents, skipped } = yield* LocalServer
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.deepStrictEqual(skipped, [])
      const { status, body } = yield* call("/documents")
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, [{ file_id: documents[0]?.fileId, file_name: "policy.md", page_count: 2 }])
    })
  )

  it.effect("answers the very requests of the Python client", () =>
    Effect.gen(function* () {
      const body = JSON.stringify(yield* chatBody("python|1", { stream: false }))
      const answer = yield* raw(
        `POST //chat HTTP/1.1\r\n${pythonHeaders}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      )
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
      assert.include(answer, "$5,000")
      const logs = yield* raw(
        `GET /chat-service//chat_logs/?skip=0&limit=25&is_sop_chat=False HTTP/1.1\r\n${pythonHeaders}\r\n\r\n`
      )
      assert.match(logs, /^HTTP\/1\.1 200 OK\r\n/)
      // The subject of the JWT is the user.
      assert.include(logs, `"chat_id":"python|1","user_id":"google-oauth2|117"`)
    })
  )

  it.effect("takes both prefixes, doubled slashes, and a trailing one or none, for every path", () =>
    Effect.gen(function* () {
      yield* ask("paths")
      const paths = ["/chat_logs", "/chat_history?chat_id=paths", "/documents", "/health", "/openapi.json", "/docs"]
      const spellings = paths.flatMap((path) => {
        const [name, query = ""] = path.split("?")
        const end = query && `?${query}`
        return [`${name}${end}`, `${name}/${end}`, `/${name}//${end}`].flatMap((path) => [
          path,
          `/chat-service${path}`,
          `//chat-service/${path}`
        ])
      })
      const statuses = yield* Effect.forEach(spellings, (path) =>
        Effect.map(call(path), ({ status }) => `${status} ${path}`)
      )
      assert.deepStrictEqual(
        statuses,
        spellings.map((path) => `200 ${path}`)
      )
    })
  )

  it.effect("leaves the query alone, slashes and all", () =>
    Effect.gen(function* () {
      const chatId = "a//b/|c d?e#f/chat-service/"
      yield* ask(chatId)
      const { body } = yield* call(`/chat_history/?chat_id=${encodeURIComponent(chatId)}`)
      assert.deepStrictEqual(
        body.messages.map((message: { readonly chat_id: string }) => message.chat_id),
        [chatId, chatId]
      )
    })
  )

  it.effect("gives an answer as one JSON message of the contract's shape", () =>
    Effect.gen(function* () {
      const { documents } = yield* LocalServer
      const { status, body } = yield* ask("json")
      assert.strictEqual(status, 200)
      const { message_id, timestamp, text, search_results, ...rest } = body
      assert.deepStrictEqual(rest, {
        chat_id: "json",
        type: "assistant",
        vote: "no vote",
        generate_button: null,
        tags: []
      })
      assert.match(message_id, /^[0-9a-f-]{36}$/)
      assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.include(text, "$5,000")
      assert.deepInclude(search_results[0], {
        file_id: documents[0]?.fileId,
        file_name: "policy.md",
        page_number: 1,
        rank: 1
      })
      for (const stream of [false, null, "False"]) {
        assert.strictEqual((yield* ask("json", { stream })).headers.get("content-type"), "application/json")
      }
    })
  )

  it.effect(
    "streams an answer as data lines: deltas of one message, the last with the search results, then [DONE]",
    () =>
      Effect.gen(function* () {
        for (const accept of ["*/*", "application/json", "text/event-stream"]) {
          const { headers, text } = yield* call("/chat", {
            json: yield* chatBody(`stream ${accept}`, { stream: true }),
            headers: { accept }
          })
          assert.strictEqual(headers.get("content-type"), "text/event-stream")
          const events = eventsOf(text)
          assert.isTrue(events.every((event) => /^data: [^\n]+$/.test(event)))
          assert.strictEqual(events.at(-1), "data: [DONE]")
          const pieces = events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)))
          assert.isAbove(pieces.length, 3)

          const { messages } = (yield* call(`/chat_history?chat_id=${encodeURIComponent(`stream ${accept}`)}`)).body
          const { text: answer, search_results, ...message } = messages[1]
          assert.strictEqual(pieces.map((piece) => piece.text).join(""), answer)
          assert.isTrue(pieces.every((piece) => piece.text.trim().split(/\s+/).length <= 3))
          assert.deepStrictEqual(pieces.at(-1), { ...message, text: pieces.at(-1).text, search_results })
          assert.isAbove(search_results.length, 0)
          for (const piece of pieces.slice(0, -1)) {
            assert.deepStrictEqual(piece, { ...message, text: piece.text, search_results: [] })
          }
        }
      })
  )

  it.effect("streams an honest refusal too", () =>
    Effect.gen(function* () {
      const { text } = yield* ask("refusal", { stream: true, user_input: "Who painted the Mona Lisa?" })
      const events = eventsOf(text)
      assert.strictEqual(events.at(-1), "data: [DONE]")
      assert.deepStrictEqual(JSON.parse(events.at(-2)?.slice("data: ".length) ?? "").search_results, [])
    })
  )

  it.effect("reads the flags of a request in all their spellings", () =>
    Effect.gen(function* () {
      yield* ask("plain")
      yield* ask("sop", { is_sop_chat: true })
      const chats = (flag: string) =>
        Effect.map(
          call(`/chat_logs?limit=1000&is_sop_chat=${flag}`),
          ({ body }) => new Set(body.messages.map((message: { readonly chat_id: string }) => message.chat_id))
        )
      for (const flag of ["true", "True", "TRUE", "1"]) assert.deepStrictEqual(yield* chats(flag), new Set(["sop"]))
      for (const flag of ["false", "False", "0"]) {
        const seen = yield* chats(flag)
        assert.isTrue(seen.has("plain") && !seen.has("sop"))
      }
    })
  )

  it.effect("filters by the datetimes in all their spellings, and ignores an empty one", () =>
    Effect.gen(function* () {
      const { timestamp } = (yield* ask("times")).body
      const day = timestamp.slice(0, 10)
      const time = timestamp.slice(11, 23)
      const has = (query: string) =>
        Effect.map(call(`/chat_logs?limit=1000&${query}`), ({ status, body }) => {
          assert.strictEqual(status, 200, query)
          return body.messages.some((message: { readonly timestamp: string }) => message.timestamp === timestamp)
        })
      const same = [`${day}T${time}Z`, `${day}T${time}000%2B00:00`, `${day}%20${time}000%2B00:00`, `${day}T${time}000`]
      for (const moment of same) {
        assert.isTrue(yield* has(`start_datetime=${moment}`), moment)
        assert.isTrue(yield* has(`end_datetime=${moment}`), moment)
      }
      assert.isTrue(yield* has(`start_datetime=${day}T${time}+00:00`), "a plus that was not encoded")
      assert.isTrue(yield* has("start_datetime=&end_datetime="))
      assert.isTrue(yield* has(`start_datetime=${day}`))
      assert.isFalse(yield* has(`end_datetime=${day}`))
      assert.isFalse(yield* has("start_datetime=2999-01-01T00:00:00Z"))
      assert.isFalse(yield* has(`start_datetime=${day}T${time}-00:01`), "one minute later")
    })
  )

  it.effect("pages through the log", () =>
    Effect.gen(function* () {
      for (const chatId of ["p1", "p2", "p3"]) yield* ask(chatId)
      const { body } = yield* call("/chat_logs/?skip=1&limit=3")
      assert.strictEqual(body.current_skip, 1)
      assert.isAtLeast(body.total_records, 6)
      assert.deepStrictEqual(
        body.messages.map(
          ({ chat_id, type }: { readonly chat_id: string; readonly type: string }) => `${chat_id} ${type}`
        ),
        ["p3 user", "p2 assistant", "p2 user"]
      )
      assert.deepStrictEqual(Object.keys(body.messages[0]).sort(), [
        "chat_id",
        "id",
        "tags",
        "text",
        "timestamp",
        "type",
        "user_id",
        "valid",
        "vote"
      ])
      assert.strictEqual((yield* call("/chat_logs?limit=1000000")).status, 200)
      assert.strictEqual((yield* call(`/chat_logs?skip=${Number.MAX_SAFE_INTEGER}`)).body.messages.length, 0)
    })
  )

  it.effect("says 404 for an unknown chat, document and path", () =>
    Effect.gen(function* () {
      const chat = yield* call("/chat_history?chat_id=nobody")
      assert.strictEqual(chat.status, 404)
      assert.include(chat.body.detail, '"nobody"')
      const document = yield* ask("new", { file_id: "66e0fba3089fbd21c4dd80c3" })
      assert.strictEqual(document.status, 404)
      assert.include(document.body.detail, "66e0fba3089fbd21c4dd80c3")
      assert.strictEqual((yield* call("/chat_history?chat_id=new")).status, 404)
      for (const path of ["/", "/nope", "/chat-service", "/chat-service/chat-service/health"]) {
        const unknown = yield* call(path)
        assert.deepStrictEqual([unknown.status, unknown.body], [404, { detail: "Not Found" }], path)
      }
    })
  )

  it.effect("says 405 for a wrong method, and which are right", () =>
    Effect.gen(function* () {
      const wrong = [
        ["DELETE", "/chat_logs/", "GET"],
        ["POST", "/chat_history", "GET"],
        ["GET", "/chat-service//chat/", "POST"],
        ["OPTIONS", "/chat", "POST"],
        ["PUT", "/docs", "GET"]
      ] as const
      for (const [method, path, allow] of wrong) {
        const { status, body, headers } = yield* call(path, { method })
        assert.deepStrictEqual([status, body, headers.get("allow")], [405, { detail: "Method Not Allowed" }, allow])
      }
      assert.strictEqual((yield* call("/health", { method: "HEAD" })).status, 200)
    })
  )

  const invalid = (detail: ReadonlyArray<readonly [loc: ReadonlyArray<string>, type: string]>) => ({ detail })

  const faultsOf = ({ status, body }: { readonly status: number; readonly body: any }) => {
    assert.strictEqual(status, 422)
    for (const problem of body.detail) {
      assert.deepStrictEqual(Object.keys(problem).sort(), ["loc", "msg", "type"])
      assert.isAbove(problem.msg.length, 0)
    }
    return invalid(body.detail.map((problem: any) => [problem.loc, problem.type]))
  }

  it.effect("says 422 for every wrong field of a query", () =>
    Effect.gen(function* () {
      const response = yield* call(
        "/chat_logs?skip=-1&limit=ten&start_datetime=2024-02-30&end_datetime=yesterday&is_sop_chat=perhaps"
      )
      assert.deepStrictEqual(
        faultsOf(response),
        invalid([
          [["query", "skip"], "greater_than_equal"],
          [["query", "limit"], "int_parsing"],
          [["query", "start_datetime"], "datetime_parsing"],
          [["query", "end_datetime"], "datetime_parsing"],
          [["query", "is_sop_chat"], "bool_parsing"]
        ])
      )
      assert.deepStrictEqual(faultsOf(yield* call("/chat_history")), invalid([[["query", "chat_id"], "missing"]]))
      assert.deepStrictEqual(
        faultsOf(yield* call("/chat_history?chat_id=")),
        invalid([[["query", "chat_id"], "string_too_short"]])
      )
      for (const limit of ["0", "-5"]) {
        assert.deepStrictEqual(
          faultsOf(yield* call(`/chat_logs?limit=${limit}`)),
          invalid([[["query", "limit"], "greater_than_equal"]])
        )
      }
      for (const skip of ["1.5", "", "1e3", "0x10", "99999999999999999999"]) {
        assert.deepStrictEqual(
          faultsOf(yield* call(`/chat_logs?skip=${skip}`)),
          invalid([[["query", "skip"], "int_parsing"]])
        )
      }
    })
  )

  it.effect("says 422 for every wrong field of a body, and for what is no body at all", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        faultsOf(yield* call("/chat", { json: { user_input: "", file_id: 7, stream: "perhaps", is_sop_chat: {} } })),
        invalid([
          [["body", "user_input"], "string_too_short"],
          [["body", "file_id"], "string_type"],
          [["body", "chat_id"], "missing"],
          [["body", "stream"], "bool_parsing"],
          [["body", "is_sop_chat"], "bool_parsing"]
        ])
      )
      assert.deepStrictEqual(faultsOf(yield* call("/chat", { body: "{" })), invalid([[["body"], "json_invalid"]]))
      assert.deepStrictEqual(faultsOf(yield* call("/chat", { body: "" })), invalid([[["body"], "missing"]]))
      for (const json of [[], "text", 5, null]) {
        assert.deepStrictEqual(faultsOf(yield* call("/chat", { json })), invalid([[["body"], "model_attributes_type"]]))
      }
    })
  )

  it.effect("takes a body whatever content type it claims, and fields it does not know", () =>
    Effect.gen(function* () {
      const body = JSON.stringify(yield* chatBody("types", { temperature: 0.5 }))
      for (const type of ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"]) {
        assert.strictEqual((yield* call("/chat", { body, headers: { "content-type": type } })).status, 200, type)
      }
    })
  )

  it.effect("takes a body of 1 MiB and says 413 to a longer one, declared or not", () =>
    Effect.gen(function* () {
      const json = yield* chatBody("long")
      const filled = (length: number) => {
        const short = JSON.stringify({ ...json, filler: "" })
        return short.replace(`"filler":""`, `"filler":"${"x".repeat(length - short.length)}"`)
      }
      assert.strictEqual((yield* call("/chat", { body: filled(2 ** 20) })).status, 200)
      const tooLong = yield* call("/chat", { body: filled(2 ** 20 + 1) })
      assert.strictEqual(tooLong.status, 413)
      assert.deepStrictEqual(Object.keys(tooLong.body), ["detail"])
      const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`
      const undeclared = yield* raw(
        `POST /chat HTTP/1.1\r\n${pythonHeaders}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`
      )
      assert.match(undeclared, /^HTTP\/1\.1 413 /)
    })
  )

  it.effect("says 401 without a token, before it looks at anything else", () =>
    Effect.gen(function* () {
      const { documents } = yield* LocalServer
      assert.strictEqual(documents.length, 1)
      for (const authorization of ["", "Bearer", "Bearer ", "Basic dDp0", "Bearer Bearer t0ken", "t0ken"]) {
        const wrong = yield* call("/chat_logs?skip=x", { token: null, headers: { authorization } })
        assert.strictEqual(wrong.status, 401, authorization)
        assert.strictEqual(typeof wrong.body.detail, "string")
        assert.strictEqual(wrong.headers.get("www-authenticate"), "Bearer")
      }
      const missing = yield* call("/chat", { token: null, body: "{" })
      assert.strictEqual(missing.status, 401)
      assert.include(missing.body.detail, "missing")
      for (const open of ["/health", "/openapi.json", "/docs"]) {
        assert.strictEqual((yield* call(open, { token: null })).status, 200)
      }
    })
  )

  it.effect("names every response, with the caller's name for it when that is a sane one", () =>
    Effect.gen(function* () {
      for (const path of ["/health", "/chat_logs", "/chat_logs?skip=x", "/nope", "/chat", "/docs"]) {
        const id = (yield* call(path)).headers.get("x-request-id")
        assert.match(id ?? "", /^[0-9a-f-]{36}$/, path)
        const given = yield* call(path, { headers: { "x-request-id": "trace-42:a.b_c" } })
        assert.strictEqual(given.headers.get("x-request-id"), "trace-42:a.b_c")
      }
      for (const insane of ["a b", "<script>", "x".repeat(129)]) {
        const { headers } = yield* call("/health", { headers: { "x-request-id": insane } })
        assert.match(headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/)
      }
      const streamed = yield* ask("named", { stream: true })
      assert.isTrue(streamed.headers.has("x-request-id"))
    })
  )

  it.effect("documents every operation with all its responses, readable without a network", () =>
    Effect.gen(function* () {
      const spec = (yield* call("/openapi.json")).body
      const responses = Object.fromEntries(
        Object.entries<Record<string, { readonly responses: object }>>(spec.paths).flatMap(([path, operations]) =>
          Object.entries(operations).map(([method, { responses }]) => [`${method} ${path}`, Object.keys(responses)])
        )
      )
      assert.deepStrictEqual(responses, {
        "get /chat_logs/": ["200", "401", "422"],
        "get /chat_history": ["200", "401", "404", "422"],
        "post /chat": ["200", "401", "404", "413", "422"],
        "get /documents": ["200", "401", "422"],
        "get /health": ["200"]
      })
      assert.deepStrictEqual(Object.keys(spec.paths["/chat"].post.responses["200"].content), [
        "application/json",
        "text/event-stream"
      ])
      assert.deepStrictEqual(spec.components.securitySchemes.bearer.scheme.toLowerCase(), "bearer")
      const { text, headers } = yield* call("/docs")
      assert.match(headers.get("content-type") ?? "", /^text\/html/)
      assert.include(text, "/chat_history")
      assert.notMatch(text, /<(?:script|link|img)\b[^>]*\s(?:src|href)=["']?https?:/i)
    })
  )

  it.effect("sends no CORS headers unless told to", () =>
    Effect.gen(function* () {
      const { headers } = yield* call("/health", { headers: { origin: "https://app.example" } })
      assert.isFalse(headers.has("access-control-allow-origin"))
    })
  )
})

describe("a server with a token", () => {
  it.live("takes that token only", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* call("/chat_logs", { token: "s3cret" })).status, 200)
      for (const token of ["S3cret", "s3cre", "s3cret0", "any"]) {
        const { status, body } = yield* call("/chat_logs", { token })
        assert.strictEqual(status, 401)
        assert.notInclude(JSON.stringify(body), "s3cret")
      }
      const lowerCase = yield* call("/chat_logs", { token: null, headers: { authorization: "bearer s3cret" } })
      assert.strictEqual(lowerCase.status, 200)
    }).pipe(Effect.provide(serve({ token: Redacted.make("s3cret") })))
  )
})

describe("CORS", () => {
  const allowed = (origin: string) =>
    Effect.map(call("/health", { headers: { origin } }), ({ headers }) => headers.get("access-control-allow-origin"))

  it.live("lets the pages of the given origins in, and no others", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* allowed("https://a.example"), "https://a.example")
      assert.strictEqual(yield* allowed("https://c.example"), null)
      const preflight = yield* call("/chat-service/chat", {
        method: "OPTIONS",
        token: null,
        headers: {
          origin: "https://b.example",
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type"
        }
      })
      assert.strictEqual(preflight.status, 204)
      assert.strictEqual(preflight.headers.get("access-control-allow-origin"), "https://b.example")
      assert.strictEqual(preflight.headers.get("access-control-allow-headers"), "authorization,content-type")
    }).pipe(Effect.provide(serve({ cors: ["https://a.example", "https://b.example"] })))
  )

  it.live("lets all pages in when told so, and none for an empty list", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* allowed("https://a.example").pipe(Effect.provide(serve({ cors: true }))), "*")
      assert.strictEqual(yield* allowed("https://a.example").pipe(Effect.provide(serve({ cors: [] }))), null)
    })
  )
})

describe("a server's life", () => {
  it.live("keeps everything in its file from one run to the next", () =>
    Effect.gen(function* () {
      const { data } = yield* policyFolder
      const state = Effect.gen(function* () {
        const history = yield* call("/chat_history?chat_id=kept")
        const logs = yield* call("/chat_logs")
        const documents = yield* call("/documents")
        return [history.body, logs.body, documents.body]
      })
      const before = yield* Effect.andThen(ask("kept"), state).pipe(Effect.provide(serve({ data })))
      const after = yield* state.pipe(Effect.provide(LocalServer.layer({ port: 0, data })))
      assert.deepStrictEqual(after, before)
    })
  )

  it.live("says plainly that a port is taken, and is gone from it afterwards", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const running = yield* Layer.buildWithScope(LocalServer.layer({ port: 0 }), scope)
      const port = Number(new URL(Context.get(running, LocalServer).url).port)
      const again = LocalServer.layer({ port })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(again)))
      assert.strictEqual(error._tag, "ListenError")
      assert.include(error.message, `Port ${port} of 127.0.0.1 is taken`)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.scoped(Layer.build(again))
    })
  )

  it.live("refuses a port that is none, a host that is not this machine's, and a document that is not there", () =>
    Effect.gen(function* () {
      const failure = (options: ServerOptions) => Effect.flip(Effect.scoped(Layer.build(LocalServer.layer(options))))
      for (const port of [-1, 65_536, 1.5, Number.NaN])
        assert.strictEqual((yield* failure({ port }))._tag, "ListenError")
      const host = yield* failure({ port: 0, host: "192.0.2.1" })
      assert.include(host.message, "no address 192.0.2.1")
      const documents = yield* failure({ port: 0, documents: ["/nowhere/at/all"] })
      assert.strictEqual(documents._tag, "DocumentError")
    })
  )

  it.live("answers an unexpected failure with 500 and logs it", () =>
    Effect.gen(function* () {
      const { data } = yield* policyFolder
      const { logged, logger } = recorder()
      yield* Effect.gen(function* () {
        const other = new DatabaseSync(data)
        other.exec("PRAGMA foreign_keys = OFF; DROP TABLE messages")
        other.close()
        const { status, body, headers } = yield* ask("broken")
        assert.deepStrictEqual([status, body], [500, { detail: "Internal Server Error" }])
        assert.isTrue(headers.has("x-request-id"))
        assert.strictEqual((yield* call("/health")).status, 200)
      }).pipe(Effect.provide(serve({ data }).pipe(Layer.provide(logger))))
      assert.strictEqual(logged.length, 1)
      assert.match(logged[0] ?? "", /^Error .*no such table: messages/s)
    })
  )

  it.live("has the whole answer stored when a reader hangs up, and nothing left at work", () =>
    Effect.gen(function* () {
      const { clock, stopped } = yield* stuckClock
      yield* Effect.gen(function* () {
        const { url } = yield* LocalServer
        const body = JSON.stringify(yield* chatBody("hung up", { stream: true }))
        const started = nextRequest()
        const client = Net.connect(Number(new URL(url).port), "127.0.0.1")
        client.write(
          `POST /chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\nContent-Length: ${body.length}\r\n\r\n${body}`
        )
        const { server, socket } = yield* Effect.promise(() => started)
        const closed = closing(socket)
        yield* Effect.promise(() => once(client, "data"))
        assert.strictEqual(yield* connections(server), 1)
        client.destroy()
        yield* Deferred.await(stopped)
        yield* Effect.promise(() => closed)
        assert.strictEqual(yield* connections(server), 0)

        const { messages } = yield* (yield* Chats).history("hung up")
        assert.include(messages[1]?.text, "$5,000")
        assert.isAbove(messages[1]?.searchResults.length ?? 0, 0)
      }).pipe(Effect.provide(serve({ pieceDelay: "1 hour" }).pipe(Layer.provide(clock))))
    })
  )

  it.live("makes no fuss about a caller who hangs up before the request is whole", () =>
    Effect.gen(function* () {
      const { logged, logger } = recorder()
      yield* Effect.gen(function* () {
        const { url } = yield* LocalServer
        const started = nextRequest()
        const client = Net.connect(Number(new URL(url).port), "127.0.0.1")
        client.write(
          `POST /chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\nContent-Length: 100\r\n\r\n{`
        )
        const { socket } = yield* Effect.promise(() => started)
        const closed = closing(socket)
        client.destroy()
        yield* Effect.promise(() => closed)
        assert.strictEqual((yield* call("/health")).status, 200)
      }).pipe(Effect.provide(serve().pipe(Layer.provide(logger))))
      assert.deepStrictEqual(logged, [])
    })
  )

  it.live("lets an answer under way end before it stops, and takes no further request", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const running = yield* Layer.buildWithScope(serve({ pieceDelay: "20 millis" }), scope)
      const { url } = Context.get(running, LocalServer)
      const body = JSON.stringify(yield* Effect.provideContext(chatBody("last", { stream: true }), running))
      const response = yield* Effect.promise(() =>
        fetch(`${url}/chat`, { method: "POST", body, headers: { authorization: "Bearer t" } })
      )
      const closing = yield* Effect.forkChild(Effect.timed(Scope.close(scope, Exit.void)))
      const text = yield* Effect.promise(() => response.text())
      assert.strictEqual(eventsOf(text).at(-1), "data: [DONE]")
      const [took] = yield* Fiber.join(closing)
      assert.isBelow(Duration.toMillis(took), 2_000)
      const refused = yield* Effect.promise(() =>
        fetch(`${url}/health`).then(
          () => false,
          () => true
        )
      )
      assert.isTrue(refused)
    })
  )
})

describe("the service in the program itself", () => {
  const inProcess = (options?: ServiceOptions) =>
    Layer.unwrap(
      Effect.map(policyFolder, ({ documents }) => LocalServer.layerHttpClient({ documents: [documents], ...options }))
    )

  const send = Effect.fnUntraced(function* (chatId: string, stream: boolean) {
    const client = yield* HttpClient.HttpClient
    return yield* HttpClientRequest.post("https://subdomain.weav.ai/chat-service/chat").pipe(
      HttpClientRequest.bearerToken("any"),
      HttpClientRequest.bodyJsonUnsafe(yield* chatBody(chatId, { stream })),
      client.execute
    )
  })

  it.effect("is the client of every host, and answers like the server", () =>
    Effect.gen(function* () {
      const answer: any = yield* (yield* send("inside", false)).json
      assert.include(answer.text, "$5,000")
      const client = yield* HttpClient.HttpClient
      assert.strictEqual((yield* client.get("http://localhost:7030/chat_logs/")).status, 401)
      assert.strictEqual((yield* client.get("http://localhost:7030/nope")).status, 404)
      const { documents } = yield* LocalServer
      assert.strictEqual(documents.length, 1)
    }).pipe(Effect.provide(inProcess()))
  )

  it.effect("streams", () =>
    Effect.gen(function* () {
      const whole = yield* (yield* send("whole", true)).text
      assert.strictEqual(eventsOf(whole).at(-1), "data: [DONE]")
    }).pipe(Effect.provide(inProcess()))
  )

  it.live("stops streaming when its reader does, with the whole answer stored", () =>
    Effect.gen(function* () {
      const { clock, stopped } = yield* stuckClock
      yield* Effect.gen(function* () {
        const { stream } = yield* send("left", true)
        const first = yield* stream.pipe(Stream.decodeText, Stream.take(1), Stream.mkString)
        assert.match(first, /^data: /)
        yield* Deferred.await(stopped)
        const { messages } = yield* (yield* Chats).history("left")
        assert.include(messages[1]?.text, "$5,000")
      }).pipe(Effect.provide(inProcess({ pieceDelay: "1 hour" }).pipe(Layer.provide(clock))))
    })
  )

  it.live("keeps apart what two services were told, and leaves the fetch of others alone", () =>
    Effect.gen(function* () {
      const total = Effect.gen(function* () {
        const client = yield* HttpClient.HttpClient
        const request = HttpClientRequest.get("http://localhost:7030/chat_logs/").pipe(
          HttpClientRequest.bearerToken("t")
        )
        const page: any = yield* Effect.flatMap(client.execute(request), (response) => response.json)
        return page.total_records
      })
      yield* Effect.gen(function* () {
        yield* send("one", false)
        assert.strictEqual(yield* total, 2)
        assert.strictEqual(yield* total.pipe(Effect.provide(LocalServer.layerHttpClient())), 0)
        const { url } = Context.get(yield* Layer.build(LocalServer.layer({ port: 0 })), LocalServer)
        const real = yield* HttpClient.get(`${url}/health`).pipe(Effect.provide(FetchHttpClient.layer))
        assert.isTrue("keep-alive" in real.headers)
      }).pipe(Effect.provide(inProcess()))
    })
  )
})

/** Resolves when the socket is closed; an error before that is no matter. */
const closing = (socket: Net.Socket) => new Promise((resolve) => socket.on("error", () => {}).on("close", resolve))

interface Started {
  readonly server: Server
  readonly socket: Net.Socket
}

/** The next request that any server of this process receives: Node tells without being asked to. */
const nextRequest = (): Promise<Started> =>
  new Promise((resolve) => {
    const channel = "http.server.request.start"
    const listener = (message: unknown) => {
      unsubscribe(channel, listener)
      resolve(message as Started)
    }
    subscribe(channel, listener)
  })

/** Keeps what is logged. */
const recorder = () => {
  const logged: Array<string> = []
  const logger = Logger.make(({ cause, logLevel }) => void logged.push(`${logLevel} ${cause}`))
  return { logged, logger: Logger.layer([logger]) }
}

/** A clock on which every sleep lasts until it is interrupted, and which tells of that. */
const stuckClock = Effect.gen(function* () {
  const stopped = yield* Deferred.make<void>()
  const sleep = () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(stopped, undefined))
  const live: Clock.Clock = yield* Clock.Clock
  return { stopped, clock: Layer.succeed(Clock.Clock)(Object.assign(Object.create(live), { sleep })) }
})

const connections = (server: Server) =>
  Effect.callback<number>((resume) => {
    server.getConnections((_, count) => resume(Effect.succeed(count)))
  })
