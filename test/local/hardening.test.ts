import { assert, describe, it, layer } from "@effect/vitest"
import { Chats, LocalServer, type ServerOptions } from "@weavai/local"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { HttpClient } from "effect/http"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { once } from "node:events"
import { networkInterfaces } from "node:os"
import { gzipSync } from "node:zlib"
import { policyFolder, question } from "../support/policyFolder.ts"
import { connect, exchange, parseResponse, type RawConnection } from "../support/rawClient.ts"

const serve = (options?: ServerOptions) =>
  Layer.unwrap(
    Effect.map(policyFolder, ({ documents }) => LocalServer.layer({ port: 0, documents: [documents], ...options }))
  )

const url = Effect.map(LocalServer, (server) => server.url)
const fileId = Effect.map(LocalServer, ({ documents }) => documents[0]?.fileId)

/** Plain fetch. */
const call = Effect.fnUntraced(function* (path: string, json?: unknown, token = "t0ken") {
  const base = yield* url
  return yield* Effect.promise(async () => {
    const response = await fetch(base + path, {
      headers: { authorization: `Bearer ${token}` },
      ...(json !== undefined && { method: "POST", body: typeof json === "string" ? json : JSON.stringify(json) })
    })
    return { status: response.status, body: (await response.json()) as any }
  })
})

/** One request whose bytes are written here, on a connection of its own. */
const raw = Effect.fnUntraced(function* (bytes: string | Uint8Array) {
  const base = yield* url
  return yield* Effect.promise(() => exchange(base, bytes))
})

const host = "Host: localhost\r\n"
const auth = "Authorization: Bearer t0ken\r\n"
const close = "Connection: close\r\n"

const get = (target: string, headers = host + auth) => `GET ${target} HTTP/1.1\r\n${headers}${close}\r\n`
const post = (headers: string, body: string) => `POST /chat HTTP/1.1\r\n${host}${auth}${headers}\r\n\r\n${body}`

const stillAnswers = Effect.gen(function* () {
  assert.deepStrictEqual(yield* call("/health"), { status: 200, body: { status: "ok" } })
})

layer(serve(), { excludeTestServices: true })("a server that is sent anything", (it) => {
  describe("malformed HTTP", () => {
    const malformed: ReadonlyArray<readonly [name: string, bytes: string | Uint8Array, status: number]> = [
      ["a TLS handshake", Buffer.from("16030102000100", "hex"), 400],
      ["words", "hello, is anybody there?\r\n\r\n", 400],
      ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
      ["a version that does not exist", `GET /health HTTP/9.9\r\n${host}\r\n`, 400],
      ["a method that does not exist", `BREW /health HTTP/1.1\r\n${host}\r\n`, 400],
      ["lines without carriage returns", "GET /health HTTP/1.1\nHost: localhost\n\n", 400],
      ["a target without a slash", `GET health HTTP/1.1\r\n${host}\r\n`, 400],
      ["a backslash for a slash", `GET \\health HTTP/1.1\r\n${host}\r\n`, 400],
      ["a blank in a header's name", `GET /health HTTP/1.1\r\n${host}A b: c\r\n\r\n`, 400],
      ["a NUL in a header", `GET /health HTTP/1.1\r\n${host}A: b\0c\r\n\r\n`, 400],
      ["a folded header", `GET /health HTTP/1.1\r\n${host}A: b\r\n c\r\n\r\n`, 400],
      ["a negative length", post("Content-Length: -1", ""), 400],
      ["a length beyond all numbers", post(`Content-Length: ${"9".repeat(30)}`, ""), 400],
      ["two lengths", post("Content-Length: 2\r\nContent-Length: 3", "{} "), 400],
      ["a length and chunks", post("Content-Length: 3\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 400],
      ["a chunk's length that is no number", post("Transfer-Encoding: chunked", "zz\r\n"), 400],
      ["an encoding of the transfer that is not known", post("Transfer-Encoding: gzip", "x"), 400],
      ["chunk extensions without end", post("Transfer-Encoding: chunked", `1;${"a".repeat(20_000)}\r\n`), 413],
      ["a header of 1 MiB", `GET /health HTTP/1.1\r\n${host}A: ${"x".repeat(2 ** 20)}\r\n\r\n`, 431],
      ["10,000 headers", `GET /health HTTP/1.1\r\n${host}${"a: b\r\n".repeat(10_000)}\r\n`, 431],
      ["10,000 trailers", post("Transfer-Encoding: chunked", `2\r\n{}\r\n0\r\n${"a: b\r\n".repeat(10_000)}\r\n`), 431],
      ["a target of 30,000 characters", `GET /${"x".repeat(30_000)} HTTP/1.1\r\n${host}\r\n`, 431]
    ]
    for (const [name, bytes, status] of malformed) {
      it.effect(`is refused with ${status} and the reason: ${name}`, () =>
        Effect.gen(function* () {
          const response = yield* raw(bytes)
          assert.strictEqual(response.status, status)
          assert.match(response.head, /\r\nConnection: close\r\n/)
          assert.isString(JSON.parse(response.body).detail)
          yield* stillAnswers
        })
      )
    }

    it.effect("closes what wants a tunnel, and answers what wants another protocol in this one", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* raw("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n")).status, 0)
        const upgrade = "Connection: close, upgrade\r\nUpgrade: websocket\r\nContent-Length: 2"
        assert.include((yield* raw(post(upgrade, "[]"))).body, "model_attributes_type")
        assert.strictEqual((yield* raw(get("/health", `${host}Upgrade: h2c\r\nConnection: upgrade\r\n`))).status, 200)
        assert.strictEqual((yield* raw(post(`${close}Expect: tea\r\nContent-Length: 2`, "{}"))).status, 417)
        assert.strictEqual((yield* raw("GET /health HTTP/1.1\r\n\r\n")).status, 400)
      })
    )
  })

  it.effect("puts no refusal into the middle of an answer under way", () =>
    Effect.gen(function* () {
      const json = { user_input: question, file_id: yield* fileId, chat_id: "midst", stream: true }
      const body = JSON.stringify(json)
      const { socket, closed } = connect(yield* url, post(`Content-Length: ${body.length}`, body))
      yield* Effect.promise(() => once(socket, "data"))
      socket.write("nonsense\r\n\r\n")
      const received = yield* Effect.promise(() => closed)
      assert.match(received, /^HTTP\/1\.1 200 /)
      assert.notInclude(received, " 400 ")
      assert.notInclude(received, "[DONE]")
    }).pipe(Effect.provide(serve({ pieceDelay: "10 seconds" })))
  )

  describe("a body that is too long", () => {
    it.effect("is refused by its declared length, before any of it is sent", () =>
      Effect.gen(function* () {
        const { status, body } = yield* raw(post(`Content-Length: ${2 ** 30}`, ""))
        assert.deepStrictEqual([status, JSON.parse(body)], [413, { detail: "The body is longer than 1 MiB" }])
      })
    )

    it.effect("without a length is refused as soon as it is too long, and not read to its end", () =>
      Effect.gen(function* () {
        const base = yield* url
        const targets = [
          ["POST /chat", auth, 413],
          ["POST /chat", "", 401],
          ["POST /nowhere", auth, 404],
          ["GET /health", "", 200]
        ] as const
        const flood = async ([target, header, status]: (typeof targets)[number]) => {
          const head = `${target} HTTP/1.1\r\n${host}${header}Transfer-Encoding: chunked\r\n\r\n`
          const { socket, closed } = connect(base, head)
          const block = `10000\r\n${"x".repeat(0x10000)}\r\n`
          let sent = 0
          const send = () => {
            while (sent < 2 ** 30 && !socket.destroyed) {
              sent += block.length
              if (!socket.write(block)) return void socket.once("drain", send)
            }
          }
          send()
          assert.strictEqual(parseResponse(await closed).status, status, target)
          // What the sockets of both sides buffer is several MiB.
          assert.isBelow(sent, 2 ** 25, target)
        }
        yield* Effect.promise(() => Promise.all(targets.map(flood)))
        yield* stillAnswers
      })
    )

    it.effect("is not unpacked", () =>
      Effect.gen(function* () {
        const packed = gzipSync(JSON.stringify({ user_input: question, file_id: yield* fileId, chat_id: "packed" }))
        const head = post(`${close}Content-Encoding: gzip\r\nContent-Length: ${packed.length}`, "")
        assert.strictEqual((yield* raw(Buffer.concat([Buffer.from(head), packed]))).status, 422)
      })
    )
  })

  describe("wrong types", () => {
    const refused = Effect.fnUntraced(function* (path: string, json: unknown, expected: readonly [string, string]) {
      const { status, body } = yield* call(path, json)
      assert.strictEqual(status, 422, `${path} ${JSON.stringify(json)}`)
      const source = path === "/chat" ? "body" : "query"
      assert.deepStrictEqual(
        body.detail.map(({ loc, type }: any) => [loc, type]),
        [[[source, expected[0]], expected[1]]],
        `${path} ${JSON.stringify(json)}`
      )
      assert.isString(body.detail[0].msg)
    })

    it.effect("are named in every field of a body", () =>
      Effect.gen(function* () {
        const valid = { user_input: question, file_id: yield* fileId, chat_id: "types" }
        const nested = JSON.parse(`${"[".repeat(1_000)}${"]".repeat(1_000)}`)
        for (const field of ["user_input", "file_id", "chat_id"] as const) {
          for (const value of [null, true, 0, 1.5, 1e300, [], ["text"], {}, nested]) {
            yield* refused("/chat", { ...valid, [field]: value }, [field, "string_type"])
          }
          for (const half of ["\ud800", "text \udfff", "\udc00\ud800"]) {
            yield* refused("/chat", { ...valid, [field]: half }, [field, "string_unicode"])
          }
          yield* refused("/chat", { ...valid, [field]: "" }, [field, "string_too_short"])
          yield* refused("/chat", { ...valid, [field]: undefined }, [field, "missing"])
        }
        for (const field of ["stream", "is_sop_chat"]) {
          for (const value of [2, 1.5, "", "perhaps", [], [true], {}, nested]) {
            yield* refused("/chat", { ...valid, [field]: value }, [field, "bool_parsing"])
          }
        }
        assert.strictEqual((yield* call("/chat_history?chat_id=types")).status, 404)
      })
    )

    it.effect("are named in every field of a query", () =>
      Effect.gen(function* () {
        const texts = ["x", "1.5", "", "%20", "1e3", "0x10", "%D9%A3", "9007199254740993", "1,000", "NaN", "%00"]
        for (const field of ["skip", "limit"]) {
          for (const text of texts) yield* refused(`/chat_logs?${field}=${text}`, undefined, [field, "int_parsing"])
          yield* refused(`/chat_logs?${field}=-1`, undefined, [field, "greater_than_equal"])
        }
        for (const field of ["start_datetime", "end_datetime"]) {
          for (const text of ["yesterday", "2024-02-30", "2024-13-01", "2024-01-01T25:00:00Z", "99999-01-01", "%00"]) {
            yield* refused(`/chat_logs?${field}=${text}`, undefined, [field, "datetime_parsing"])
          }
        }
        for (const text of ["", "2", "-1", "truefalse", "null", "%00"]) {
          yield* refused(`/chat_logs?is_sop_chat=${text}`, undefined, ["is_sop_chat", "bool_parsing"])
        }
        for (const field of ["skip", "limit", "start_datetime", "end_datetime", "is_sop_chat"]) {
          yield* refused(`/chat_logs?${field}=1&${field}=1`, undefined, [field, "string_type"])
        }
        yield* refused("/chat_history?chat_id=", undefined, ["chat_id", "string_too_short"])
        yield* refused("/chat_history?CHAT_ID=a&chat_id[]=a", undefined, ["chat_id", "missing"])
      })
    )

    it.effect("are named in what is no JSON, and in JSON that is nested as deep as it can be", () =>
      Effect.gen(function* () {
        const bodies: ReadonlyArray<readonly [body: string | Uint8Array, type: string]> = [
          ["", "missing"],
          [" ", "json_invalid"],
          ["NaN", "json_invalid"],
          ['{"user_input": "a",}', "json_invalid"],
          [Buffer.from('{"user_input":"caf\xe9"}', "latin1"), "json_invalid"],
          [Buffer.from("{}", "utf16le"), "json_invalid"],
          ["[".repeat(2 ** 20), "json_invalid"],
          [`${"[".repeat(2 ** 19)}${"]".repeat(2 ** 19)}`, "model_attributes_type"],
          [`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`, "missing"]
        ]
        for (const [body, type] of bodies) {
          const head = `POST /chat HTTP/1.1\r\n${host}${auth}${close}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`
          const response = yield* raw(Buffer.concat([Buffer.from(head), Buffer.from(body)]))
          assert.strictEqual(response.status, 422)
          assert.strictEqual(JSON.parse(response.body).detail[0].type, type)
        }
        // A byte order mark is none of the text.
        const { status } = yield* call("/chat", `\ufeff${JSON.stringify({ user_input: "a" })}`)
        assert.strictEqual(status, 422)
      })
    )
  })

  describe("the syntax of SQL and of its full-text search", () => {
    const marks = Array.from("\"'*-%_^():+.,?\\`[;\n\0½ﬁ＂😀\ufeff\u202e")
    const phrases = String.raw`--
/*
NEAR
OR
AND
NOT
NEAR(windstorm deductible, 2)
windstorm OR
NOT windstorm
wind*
"windstorm
""
" OR ""="
body : windstorm
{headings body} : windstorm
-headings : a
^windstorm
'; DROP TABLE messages; --
"; DELETE FROM chats; --
' OR '1'='1
x' UNION SELECT * FROM documents --
x'00'
?1
:name
@name
%s%n
{{7*7}}
<script>alert(1)</script>
__proto__
constructor
null
../../etc/passwd
C:\windows`.split("\n")
    const long = ['"'.repeat(10_000), "NEAR ".repeat(20_000), "windstorm OR ".repeat(20_000), "x".repeat(500_000)]
    const texts = [...marks, ...phrases, "a\0b", ...long]

    it.effect("is plain text in every string: stored, found and given back as it is", () =>
      Effect.gen(function* () {
        const file_id = yield* fileId
        const chats = yield* Chats
        const before = (yield* chats.logs()).totalRecords
        for (const [index, text] of texts.entries()) {
          const name = JSON.stringify(text).slice(0, 60)
          const token = `e30.${Buffer.from(JSON.stringify({ sub: text.slice(0, 1_000) })).toString("base64url")}.`
          // A query has to fit into the headers.
          const chatId = text.length > 2_000 ? `long ${index}` : text
          const asked = yield* call("/chat", { user_input: text, file_id, chat_id: chatId }, token)
          assert.strictEqual(asked.status, 200, name)
          const found = yield* call("/chat", { user_input: `${text}\n${question}`, file_id, chat_id: chatId }, token)
          if (text.length < 2_000) assert.include(found.body.text, "$5,000", name)
          const { status, body } = yield* call(`/chat_history?chat_id=${encodeURIComponent(chatId)}`)
          assert.strictEqual(status, 200, name)
          assert.deepStrictEqual(
            body.messages.map(({ chat_id, text }: any) => [chat_id, text]),
            [text, asked.body.text, `${text}\n${question}`, found.body.text].map((text) => [chatId, text]),
            name
          )
          const log = yield* call("/chat_logs?limit=1")
          assert.strictEqual(log.body.messages[0].user_id, text.slice(0, 1_000), name)
          const unknown = yield* call("/chat", { user_input: question, file_id: text, chat_id: "nowhere" })
          assert.strictEqual(unknown.status, 404, name)
          assert.include(unknown.body.detail, text, name)
        }
        assert.strictEqual((yield* chats.logs()).totalRecords, before + 4 * texts.length)
        assert.strictEqual((yield* call("/documents")).body.length, 1)
        assert.strictEqual((yield* call("/chat_history?chat_id=nowhere")).status, 404)
      })
    )

    it.effect("does not keep the service busy, however long and repetitive a question is", () =>
      Effect.gen(function* () {
        const file_id = yield* fileId
        const length = 1_000_000
        const questions = [
          `what is${" ".repeat(length)}x\nx`,
          `${"how many ".repeat(length / 9)}\nx`,
          "what is the ".repeat(length / 12),
          `${"1,".repeat(length / 2)}a`,
          `${"a'".repeat(length / 2)}1`,
          `${"!".repeat(length)}a`,
          "define ".repeat(length / 7),
          Array.from({ length: length / 8 }, (_, index) => `w${index.toString(36)}`).join(" ")
        ]
        const started = performance.now()
        for (const user_input of questions) {
          assert.strictEqual((yield* call("/chat", { user_input, file_id, chat_id: "busy" })).status, 200)
        }
        // Minutes, where one of them takes a time that grows with the square of its length.
        assert.isBelow(performance.now() - started, 15_000)
      })
    )
  })

  describe("path tricks", () => {
    it.effect("lead nowhere", () =>
      Effect.gen(function* () {
        const targets = [
          "/../health",
          "/docs/../health",
          "/docs/..",
          "/./health",
          "/health/.",
          "/docs/..%2f..%2fhealth"
        ]
        const more = [
          "/%2e%2e/%2e%2e/etc/passwd",
          "//etc/passwd",
          "/etc/passwd",
          "///",
          "/health%00",
          "/%00",
          "/%",
          "/%ff"
        ]
        const odd = [
          "/docs/x",
          "/__proto__",
          "/constructor",
          "/:chat",
          "/*",
          "*",
          "//evil.example/health",
          "file:///etc/passwd"
        ]
        for (const target of [...targets, ...more, ...odd, "/chat-service/../health", "/openapi.json/../../health"]) {
          const { status, body } = yield* raw(target === "*" ? get(target).replace("GET", "OPTIONS") : get(target))
          assert.deepStrictEqual([status, body], [404, '{"detail":"Not Found"}'], target)
        }
        for (const target of [
          "/health?%",
          "/health?%ff=%&=&&",
          "/health#part",
          "/health;a=b",
          "http://localhost/health"
        ]) {
          assert.strictEqual((yield* raw(get(target))).status, 200, target)
        }
      })
    )

    it.effect("lead past the token nowhere", () =>
      Effect.gen(function* () {
        const around = ["/docs/../chat_logs", "/health/../chat_logs", "/health%2f..%2fchat_logs", "/docs/..;/chat_logs"]
        const spelled = ["//chat_logs", "/CHAT_LOGS", "/%63hat_logs", "/chat_logs;a=b", "/chat_logs/?x", "/chat_logs?#"]
        const whole = [
          "http://localhost/chat_logs",
          "http://localhost/health/../chat_logs",
          "/chat-service//chat_logs//"
        ]
        for (const target of [...around, ...spelled, ...whole]) {
          assert.include([401, 404], (yield* raw(get(target, host))).status, target)
        }
      })
    )
  })

  describe("the Host header", () => {
    const statusFor = (hostHeader: string) =>
      Effect.map(raw(Buffer.from(get("/health", `Host: ${hostHeader}\r\n`), "latin1")), ({ status }) => status)

    it.effect("may be an address, localhost or a name below it, with any port", () =>
      Effect.gen(function* () {
        const names = ["localhost", "LOCALHOST:80", "localhost.", "app.localhost:3000", "127.0.0.1:7030", "127.8.9.1"]
        for (const name of [...names, "[::1]", "[::1]:7030", "192.168.1.7"]) {
          assert.strictEqual(yield* statusFor(name), 200, name)
        }
        // HTTP/1.0 can do without; a browser never does.
        assert.strictEqual((yield* raw("GET /health HTTP/1.0\r\n\r\n")).status, 200)
      })
    )

    it.effect("may be nothing else, so that no page of another site can have its name lead here", () =>
      Effect.gen(function* () {
        const near = [
          "localhost.evil.example",
          "evil-localhost",
          "127.0.0.1.evil.example",
          "1.2.3",
          "256.0.0.1",
          "2130706433"
        ]
        const broken = [
          "",
          "[",
          "[]",
          "[::1",
          "::1",
          "[localhost]",
          "a b",
          "evil@localhost",
          "localhost@evil",
          "localhost:80:90"
        ]
        for (const name of ["evil.example", "evil.example:7030", ...near, ...broken, "http://localhost", "\xff", "."]) {
          assert.strictEqual(yield* statusFor(name), 421, name)
        }
        const { head, body } = yield* raw(get("/chat_logs", `Host: evil.example\r\n${auth}`))
        assert.match(head, /\r\nx-request-id: /)
        assert.match(JSON.parse(body).detail, /"evil\.example".*allowed hosts/)
        const absolute = yield* raw(get("http://evil.example/chat_logs"))
        assert.strictEqual(absolute.status, 421)
      })
    )
  })
})

describe("a server that others can reach", () => {
  it.live("goes by its host, by addresses and by the names it is told", () =>
    Effect.gen(function* () {
      const { port } = new URL(yield* url)
      const base = `http://127.0.0.1:${port}`
      const statusFor = (name: string) =>
        Effect.map(
          Effect.promise(() => exchange(base, get("/health", `Host: ${name}\r\n`))),
          ({ status }) => status
        )
      for (const name of [
        "0.0.0.0",
        `localhost:${port}`,
        "192.0.2.7",
        "[2001:db8::7]:80",
        "weavai.internal",
        "WEAVAI:7030"
      ]) {
        assert.strictEqual(yield* statusFor(name), 200, name)
      }
      for (const name of ["internal", "x.weavai.internal", "evil.example"]) {
        assert.strictEqual(yield* statusFor(name), 421, name)
      }
    }).pipe(
      Effect.provide(
        serve({ host: "0.0.0.0", allowedHosts: ["Weavai.Internal", "weavai"] }).pipe(Layer.provide(Logger.layer([])))
      )
    )
  )

  it.live("is warned about, and no other is", () =>
    Effect.gen(function* () {
      const warnings = Effect.fnUntraced(function* (options: ServerOptions) {
        const logged: Array<string> = []
        const logger = Logger.layer([Logger.make(({ logLevel, message }) => logged.push(`${logLevel} ${message}`))])
        yield* Effect.scoped(Layer.build(LocalServer.layer({ port: 0, ...options }).pipe(Layer.provide(logger))))
        return logged
      })
      const token = Redacted.make("s3cret")
      assert.deepStrictEqual(yield* warnings({ host: "0.0.0.0" }), [
        "Warn Other machines can reach 0.0.0.0, and any token is accepted: set one."
      ])
      assert.deepStrictEqual(yield* warnings({ host: "0.0.0.0", token }), ["Warn Other machines can reach 0.0.0.0."])
      for (const options of [{}, { host: "127.0.0.1" }, { host: "127.0.0.2" }, { host: "localhost" }]) {
        assert.deepStrictEqual(yield* warnings(options), [])
      }
    })
  )

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address

  it.live.skipIf(outside === undefined)("is none unless told so", () =>
    Effect.gen(function* () {
      const { port } = new URL(yield* url)
      const { socket, closed } = connect(`http://${outside}:${port}`)
      const [error] = yield* Effect.promise(() => once(socket, "error"))
      assert.strictEqual(error.code, "ECONNREFUSED")
      yield* Effect.promise(() => closed)
    }).pipe(Effect.provide(serve()))
  )

  it.effect("is not the one in the program itself, which goes by any name", () =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      assert.strictEqual((yield* client.get("https://evil.example/health")).status, 200)
    }).pipe(Effect.provide(LocalServer.layerHttpClient()))
  )
})

describe.concurrent("connections that never finish their request", () => {
  const unfinished = [
    "",
    "GET /health HTTP/1.1\r\nHost: local",
    post("Content-Length: 100", "{"),
    post("Transfer-Encoding: chunked", "2\r\n{}\r\n"),
    post("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 100", "{")
  ]

  it.live("do not keep 1,000 others from being answered, and are closed when their time is up", () =>
    Effect.gen(function* () {
      const base = yield* url
      const stuck: Array<RawConnection> = []
      for (let batch = 0; batch < 10; batch++) {
        const connections = Array.from({ length: 100 }, (_, index) =>
          connect(base, unfinished[index % unfinished.length])
        )
        yield* Effect.promise(() => Promise.all(connections.map(({ socket }) => once(socket, "connect"))))
        stuck.push(...connections)
      }
      // This one is never idle, which does not help it either.
      const dripping = connect(base, "GET /health HTTP/1.1\r\nHost: localhost\r\nA: ")
      const drip = setInterval(() => dripping.socket.write("x"), 100)
      dripping.socket.on("close", () => clearInterval(drip))
      const open = () => stuck.filter(({ socket }) => !socket.destroyed).length
      yield* stillAnswers
      const answered = yield* call("/chat", { user_input: question, file_id: yield* fileId, chat_id: "others" })
      assert.include(answered.body.text, "$5,000")
      assert.isAbove(open(), 0)

      const endings = yield* Effect.promise(() => Promise.all([...stuck, dripping].map(({ closed }) => closed)))
      for (const ending of endings) {
        const { status, body } = parseResponse(ending)
        assert.deepStrictEqual(
          [status, JSON.parse(body)],
          [408, { detail: "The request did not arrive within 3 seconds" }]
        )
      }
      yield* stillAnswers
    }).pipe(Effect.provide(serve({ requestTimeout: "3 seconds" })))
  )

  it.live("do not hold up a server that stops, unless something was asked already, and then for five seconds", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const running = yield* Layer.buildWithScope(serve(), scope)
      const base = Context.get(running, LocalServer).url
      const [silent, halfHead] = unfinished.map((bytes) => connect(base, bytes))
      const halfBody = connect(base, post("Expect: 100-continue\r\nContent-Length: 100", ""))
      // That the server asks for the body tells that it is at work on the request.
      yield* Effect.promise(() => once(halfBody.socket, "data"))
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* Effect.promise(() => Promise.all([silent?.closed, halfHead?.closed]))
      assert.isFalse(halfBody.socket.destroyed)
      yield* Fiber.join(stopping)
      yield* Effect.promise(() => halfBody.closed)
    })
  )
})
