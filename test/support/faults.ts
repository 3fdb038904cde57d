/**
 * What networks and servers do wrong: one table of faults, each made to happen for real, with what must come of it for
 * a caller of the SDK. `packages/effect/FAULTS.md` tells users the same, and a test holds the two to each other.
 */
import { expect } from "@effect/vitest"
import { setTimeout } from "node:timers/promises"
import * as Zlib from "node:zlib"
import { type Authority, makeAuthority, selfSigned } from "./certificates.ts"
import type { OperationName } from "./editions.ts"
import { type Exchange, type RawServer, startRawServer } from "./rawServer.ts"
import { chunk, event, head, type ResponseInit } from "./responses.ts"
import * as wire from "./wireExamples.ts"

/** Something that is there, an answer, or an answer in pieces. */
export type Kind = "read" | "chat" | "stream"

/** The right response, to be spoilt. */
export interface Good {
  readonly kind: Kind
  /** The JSON of the body; of a stream, of its one event. */
  readonly json: string
}

const documents: { readonly [O in OperationName]: object } = {
  getChatLogs: wire.chatLogs,
  getChatHistory: wire.chatHistory,
  chat: wire.chatResponse,
  streamChat: wire.chatResponse,
  chatLogs: wire.chatLogs
}

/** The right response to an operation. */
export const goodFor = (operation: OperationName): Good => ({
  kind: operation === "chat" ? "chat" : operation === "streamChat" ? "stream" : "read",
  json: JSON.stringify(documents[operation])
})

export interface Fault {
  readonly name: string
  /** Starts a service that has it. */
  readonly start: (good: Good) => Promise<RawServer>
  /** What the error says, besides its tag. */
  readonly fields?: object
  /** The same of a stream's error, where it is another. */
  readonly streamFields?: object
  /** Time limits to call with, in milliseconds. */
  readonly timeouts?: { readonly firstByte?: number; readonly total?: number; readonly idle?: number }
  /** What the service makes of its JSON; the value is what that stands for. */
  readonly document?: (json: string) => Bytes
}

/** Faults that come to the same. */
export interface Row {
  /** What happens, as in `FAULTS.md`. */
  readonly what: string
  /** What comes of it: `value`, or the tag of the error; of an `ApiError`, that of its reason. */
  readonly outcome: { readonly [K in Kind]: string }
  /** What is sent again. */
  readonly again: "all" | "reads" | "nothing"
  /** Whether the service took the message, as far as the error tells; of a stream that began, it did. */
  readonly taken?: "no" | "unknown"
  /** The HTTP client that it is so for, if not for each. */
  readonly client?: "fetch" | "undici"
  readonly faults: ReadonlyArray<Fault>
}

/** The authority that the clients trust. */
export const authority: Authority = makeAuthority()

type Bytes = string | Uint8Array
type Start = Fault["start"]

const bufferOf = (bytes: Bytes): Buffer => Buffer.from(bytes as string)

const typeOf = ({ kind }: Good) => ({ "content-type": kind === "stream" ? "text/event-stream" : "application/json" })

const bodyOf = ({ kind }: Good, document: Bytes): Buffer =>
  kind === "stream"
    ? Buffer.concat([Buffer.from("data: "), bufferOf(document), Buffer.from("\n\n")])
    : bufferOf(document)

const respond = (body: Bytes, { headers, status = 200 }: ResponseInit = {}): Buffer => {
  const bytes = bufferOf(body)
  return Buffer.concat([Buffer.from(head({ "content-length": `${bytes.length}`, ...headers }, status)), bytes])
}

/** The right response, but for what is given. */
export const goodResponse = (
  good: Good,
  { headers, ...init }: ResponseInit = {},
  document: Bytes = good.json
): Buffer => respond(bodyOf(good, document), { ...init, headers: { ...typeOf(good), ...headers } })

const running =
  (script: (exchange: Exchange, good: Good) => unknown): Start =>
  (good) =>
    startRawServer((exchange) => script(exchange, good))

const writing = (bytes: (good: Good) => Bytes): Start => running(({ write }, good) => write(bytes(good)))

/** Sends some bytes, then lets go of the connection in this way. */
const cutting = (how: "end" | "reset", bytes: (good: Good) => Bytes): Start =>
  running(async (exchange, good) => {
    await exchange.write(bytes(good))
    exchange[how]()
  })

const closed: Start = async () => {
  const server = await startRawServer()
  await server[Symbol.asyncDispose]()
  return { ...server, [Symbol.asyncDispose]: async () => {} }
}

const at =
  (url: string, start: Start): Start =>
  async (good) => ({ ...(await start(good)), url })

const behind =
  (certificate: Parameters<typeof startRawServer>[1]): Start =>
  (good) =>
    startRawServer(({ write }) => write(goodResponse(good)), certificate)

/** A response with this status. */
const answered = (
  status: number,
  fields: object = {},
  { body = '{"detail":"Busy"}', headers = {}, name = `${status}` } = {}
): Fault => ({
  name,
  start: writing(() =>
    respond(body, { status, headers: { "content-type": "application/json", "x-request-id": "r-7", ...headers } })
  ),
  fields: { status, requestId: "r-7", ...fields }
})

/** The document is another, and travels well. */
const document = (name: string, change: (json: string) => Bytes, fields: object = {}): Fault => ({
  name,
  fields,
  start: writing((good) => goodResponse(good, {}, change(good.json))),
  document: change
})

/** The body is another, or what the headers say of it. */
const body = (name: string, change: (body: Buffer) => Bytes, headers: ResponseInit["headers"] = {}): Fault => ({
  name,
  start: writing((good) => respond(change(bodyOf(good, good.json)), { headers: { ...typeOf(good), ...headers } }))
})

/** A response that is not whole yet; a stream's first piece is. */
const begun = (good: Good): string =>
  head({ ...typeOf(good), "content-length": "100000" }) +
  (good.kind === "stream" ? event(wire.piece("Hail ")) + "data: {" : good.json.slice(0, 30))

/** Sends a byte every few milliseconds: what is slow for a limit of a tenth of a second. */
const drip = async ({ closed, write }: Exchange, bytes: Buffer): Promise<void> => {
  const gone = closed.then(() => true)
  for (const byte of bytes) {
    await write(Uint8Array.of(byte))
    if (await Promise.race([gone, setTimeout(5, false)])) return
  }
}

const spliced = (text: string, behind: string, bytes: ReadonlyArray<number>): Uint8Array => {
  const at = text.indexOf(behind) + behind.length
  return Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from(bytes), Buffer.from(text.slice(at))])
}

const all = (outcome: string): Row["outcome"] => ({ read: outcome, chat: outcome, stream: outcome })

const streamApart = (outcome: string, stream: string): Row["outcome"] => ({ read: outcome, chat: outcome, stream })

const says = (description: string | RegExp) => ({ description: expect.stringMatching(description) })

const code = (code: RegExp) => ({ code: expect.stringMatching(code) })

const cutCode = code(/^(ECONNRESET|UND_ERR_SOCKET|HPE_INVALID_EOF_STATE)$/)

const afterOnePiece = { answer: expect.objectContaining({ text: "Hail " }) }

const deep = "[".repeat(100_000) + "]".repeat(100_000)

const connections: ReadonlyArray<Row> = [
  {
    what: "Connection refused",
    outcome: all("TransportError"),
    again: "all",
    taken: "no",
    faults: [{ name: "refused", start: closed, fields: { code: "ECONNREFUSED" } }]
  },
  {
    what: "Name not resolved",
    outcome: all("TransportError"),
    again: "all",
    taken: "no",
    faults: [
      { name: "no such name", start: at("https://weav.invalid", closed), fields: code(/^(ENOTFOUND|EAI_AGAIN)$/) }
    ]
  },
  {
    what: "TLS not established",
    outcome: all("TransportError"),
    again: "all",
    taken: "no",
    faults: [
      {
        name: "an expired certificate",
        start: behind(authority.issue({ notAfter: new Date(Date.now() - 60_000) })),
        fields: { code: "CERT_HAS_EXPIRED" }
      },
      {
        name: "a self-signed certificate",
        start: behind(selfSigned()),
        fields: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }
      },
      {
        name: "another host's certificate",
        start: behind(authority.issue({ address: "127.0.0.9" })),
        fields: { code: "ERR_TLS_CERT_ALTNAME_INVALID" }
      },
      {
        name: "an authority that is not trusted",
        start: behind(makeAuthority("Another authority").issue()),
        fields: { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }
      },
      {
        name: "a server without TLS",
        start: async (good) => {
          const server = await writing(goodResponse)(good)
          return { ...server, url: server.url.replace("http:", "https:") }
        },
        fields: code(/^ERR_SSL_/)
      }
    ]
  },
  {
    what: "Connection cut before the response",
    outcome: all("TransportError"),
    again: "reads",
    taken: "unknown",
    faults: (["reset", "end"] as const).flatMap((how) => [
      { name: `${how} before the headers`, start: cutting(how, () => ""), fields: cutCode },
      { name: `${how} inside the headers`, start: cutting(how, () => "HTTP/1.1 200 OK\r\ncontent-le"), fields: cutCode }
    ])
  },
  {
    what: "Connection cut inside the body",
    outcome: streamApart("TransportError", "StreamInterrupted"),
    again: "reads",
    taken: "unknown",
    faults: (["reset", "end"] as const).flatMap((how) => [
      { name: `${how} inside the body`, start: cutting(how, begun), fields: cutCode, streamFields: afterOnePiece },
      {
        name: `${how} inside a chunked body`,
        start: cutting(how, (good) => head({ ...typeOf(good), "transfer-encoding": "chunked" }) + chunk("{")),
        fields: cutCode,
        streamFields: { answer: null }
      }
    ])
  },
  {
    what: "No HTTP, or broken HTTP",
    outcome: all("TransportError"),
    again: "reads",
    taken: "unknown",
    faults: [
      { name: "another protocol", start: writing(() => "SSH-2.0-OpenSSH_9.6\r\n\r\n"), fields: says("HTTP/1.1") },
      {
        name: "a switch of protocols",
        start: writing(() => head({ connection: "upgrade", upgrade: "websocket" }, 101)),
        fields: code(/^UND_ERR_/)
      },
      {
        // Node's client takes it for an error unless the request asked for it, which it never does.
        name: "100 Continue that nobody asked for",
        start: writing((good) => head({}, 100) + goodResponse(good)),
        fields: { code: "UND_ERR_SOCKET" }
      },
      {
        name: "headers of 1 MiB",
        start: writing((good) => goodResponse(good, { headers: { "x-long": "x".repeat(1 << 20) } })),
        fields: { code: "UND_ERR_HEADERS_OVERFLOW" }
      }
    ]
  },
  {
    what: "Nothing odd: compression, a byte order mark, 103 before the response, `Connection: close`",
    outcome: all("value"),
    again: "nothing",
    faults: [
      { name: "a trusted certificate", start: behind(authority.issue()) },
      { name: "103 before the response", start: writing((good) => head({ link: "</a>" }, 103) + goodResponse(good)) },
      { name: "another status of success", start: writing((good) => goodResponse(good, { status: 206 })) },
      body("Connection: close", (body) => body, { connection: "close" }),
      {
        name: "a body that the end of the connection ends",
        start: cutting("end", (good) => head(typeOf(good)).replace("/1.1", "/1.0") + bodyOf(good, good.json))
      },
      body("gzip", Zlib.gzipSync, { "content-encoding": "gzip" }),
      body("deflate", Zlib.deflateSync, { "content-encoding": "deflate" }),
      body("brotli", Zlib.brotliCompressSync, { "content-encoding": "br" }),
      body("a byte order mark", (body) => `\ufeff${body}`)
    ]
  }
]

const timeLimits: ReadonlyArray<Row> = [
  {
    what: "No response within `timeouts.firstByte`",
    outcome: all("TimeoutError"),
    again: "reads",
    taken: "unknown",
    faults: [
      { name: "silence", start: running(() => {}), timeouts: { firstByte: 40 }, fields: { limit: "firstByte" } },
      {
        name: "a byte at a time",
        start: running((exchange, good) => drip(exchange, goodResponse(good))),
        timeouts: { firstByte: 100 },
        fields: { limit: "firstByte" }
      }
    ]
  },
  {
    what: "No whole body within `timeouts.total`, no piece of a stream within `timeouts.idle`",
    outcome: all("TimeoutError"),
    again: "nothing",
    taken: "unknown",
    faults: [
      {
        name: "silence in the middle",
        start: writing(begun),
        timeouts: { total: 40, idle: 40 },
        fields: { limit: "total" },
        streamFields: { limit: "idle" }
      },
      {
        name: "a byte at a time",
        start: running(async (exchange, good) => {
          await exchange.write(head({ ...typeOf(good), "content-length": "100000" }))
          await drip(exchange, bodyOf(good, good.json))
        }),
        timeouts: { total: 100, idle: 100 },
        fields: { limit: "total" },
        streamFields: { limit: "idle" }
      }
    ]
  }
]

const statuses: ReadonlyArray<Row> = [
  ...(
    [
      ["300 to 304 that lead nowhere", "unknown", [300, 301, 302, 303]],
      ["307 or 308 that lead nowhere", "no", [307, 308]],
      ["Any other 4xx, such as 403, 409, 413 or 418", "no", [402, 403, 405, 409, 413, 418]],
      ["A status that HTTP does not know", "unknown", [600, 999]]
    ] as const
  ).map(([what, taken, statuses]) => ({
    what,
    outcome: all("UnexpectedStatus"),
    again: "nothing" as const,
    taken,
    faults: [
      ...statuses.map((status) => answered(status)),
      // Without a body, and without a length for it.
      ...(what.startsWith("300") ? [{ name: "304", start: writing(() => head({}, 304)), fields: { status: 304 } }] : [])
    ]
  })),
  {
    what: "400, 422",
    outcome: all("InvalidRequest"),
    again: "nothing",
    taken: "no",
    faults: [
      answered(400, { detail: "Busy" }),
      answered(422, { detail: "Busy" }),
      ...Object.entries({
        "a detail that is nested too deep": `{"detail":{"a":${deep}}}`,
        "details that are": `{"detail":[{"msg":${deep}},{"loc":[${deep},{"toString":1}],"msg":"Busy"},${deep}]}`,
        "a long list of details": `{"detail":[${"1,".repeat(200_000)}1]}`,
        "beginnings of titles": "<title".repeat(100_000)
      }).map(([name, body]) => answered(422, { body: body.slice(0, 1000) }, { body, name: `422 with ${name}` }))
    ]
  },
  {
    what: "401",
    outcome: all("Unauthorized"),
    again: "nothing",
    taken: "no",
    faults: [answered(401, { detail: "Busy" })]
  },
  {
    what: "404",
    outcome: all("NotFound"),
    again: "nothing",
    taken: "no",
    faults: [answered(404, { detail: "Busy" })]
  },
  {
    what: "429",
    outcome: all("RateLimited"),
    again: "all",
    taken: "no",
    faults: [
      answered(429, { retryAfter: undefined }),
      answered(429, { retryAfter: 0 }, { headers: { "retry-after": "0" }, name: "429 with Retry-After" })
    ]
  },
  {
    what: "429 with a `Retry-After` beyond `retry.maxRetryAfter`",
    outcome: all("RateLimited"),
    again: "nothing",
    taken: "no",
    faults: [answered(429, { retryAfter: 61_000 }, { headers: { "retry-after": "61" } })]
  },
  {
    what: "502, 503, 504",
    outcome: all("ServerError"),
    again: "reads",
    taken: "unknown",
    faults: [
      answered(502, { detail: "502 Bad Gateway" }, { body: "<title>502 Bad Gateway</title>", name: "502 with a page" }),
      answered(503, { detail: "Busy", retryAfter: undefined }),
      answered(504, { detail: undefined }, { body: "", name: "504 with nothing" })
    ]
  },
  {
    what: "503 with `Retry-After`",
    outcome: all("ServerError"),
    again: "all",
    taken: "no",
    faults: [answered(503, { retryAfter: 0 }, { headers: { "retry-after": "0" } })]
  },
  {
    what: "503 with a `Retry-After` beyond `retry.maxRetryAfter`",
    outcome: all("ServerError"),
    again: "nothing",
    taken: "no",
    faults: [answered(503, { retryAfter: 61_000 }, { headers: { "retry-after": "61" } })]
  },
  {
    what: "500 and other 5xx",
    outcome: all("ServerError"),
    again: "nothing",
    taken: "unknown",
    faults: [500, 599].map((status) => answered(status))
  }
]

const bodies: ReadonlyArray<Row> = [
  {
    what: "An empty body",
    outcome: all("InvalidResponse"),
    again: "nothing",
    taken: "unknown",
    faults: [
      { name: "200", start: writing((good) => respond("", { headers: typeOf(good) })), fields: { status: 200 } },
      { name: "204", start: writing((good) => head(typeOf(good), 204)), fields: { status: 204 } },
      {
        name: "205",
        start: writing((good) => respond("", { status: 205, headers: typeOf(good) })),
        fields: { status: 205 }
      }
    ].map((fault) => ({ ...fault, fields: { ...fault.fields, ...says(/is empty$|ended without a piece/) } }))
  },
  {
    what: "A body that is no JSON",
    outcome: all("InvalidResponse"),
    again: "nothing",
    taken: "unknown",
    faults: [
      document("cut short", (json) => json.slice(0, -1), says("no JSON$")),
      document("with more behind it", (json) => `${json}}`, says("no JSON$")),
      document("NaN", (json) => `{"extra":NaN,${json.slice(1)}`, says("no JSON$")),
      {
        ...body("a page", () => "<title>Sign in</title>", { "content-type": "text/html" }),
        fields: says("no JSON$"),
        streamFields: says("got content type text/html$")
      }
    ]
  },
  {
    what: "JSON of the wrong shape",
    outcome: all("InvalidResponse"),
    again: "nothing",
    taken: "unknown",
    faults: [
      document("a list of lists of lists", () => deep, says("the body: expected an object")),
      document("another object", () => '{"text":7}', says(": expected "))
    ]
  },
  {
    what: "A body that ends too soon, though the connection does not say so",
    outcome: streamApart("InvalidResponse", "StreamInterrupted"),
    again: "nothing",
    taken: "unknown",
    faults: [
      { ...body("half", (body) => body.subarray(0, -20)), fields: says("no JSON$"), streamFields: says("ended inside") }
    ]
  },
  {
    what: "An error in a body with status 200",
    outcome: streamApart("InvalidResponse", "StreamInterrupted"),
    again: "nothing",
    taken: "unknown",
    faults: [{ ...document("detail", () => '{"detail":"Busy"}', says("expected")), streamFields: says("Busy") }]
  },
  {
    what: "A content type that is wrong or missing",
    outcome: streamApart("value", "InvalidResponse"),
    again: "nothing",
    taken: "unknown",
    faults: [
      { ...body("wrong", (body) => body, { "content-type": "text/html" }), fields: says("content type text/html$") },
      { name: "missing", start: writing((good) => respond(bodyOf(good, good.json))), fields: says("no content type$") }
    ]
  },
  {
    what: "Compression that is broken",
    outcome: streamApart("TransportError", "StreamInterrupted"),
    again: "reads",
    taken: "unknown",
    faults: [
      body("no gzip", (body) => body, { "content-encoding": "gzip" }),
      body(
        "a wrong checksum",
        (body) => Zlib.gzipSync(body).map((byte, i, all) => (i === all.length - 8 ? ~byte : byte)),
        {
          "content-encoding": "gzip"
        }
      )
    ].map((fault) => ({ ...fault, fields: { code: "Z_DATA_ERROR" }, streamFields: says(".") }))
  },
  ...(
    [
      // Browsers, and with them `fetch`, take what there is.
      ["fetch", "InvalidResponse", "nothing", says("no JSON$")],
      ["undici", "TransportError", "reads", { code: "Z_BUF_ERROR" }]
    ] as const
  ).map(([client, outcome, again, fields]) => ({
    what: `Compression that ends too soon, on \`${client}\``,
    client,
    outcome: streamApart(outcome, "StreamInterrupted"),
    again,
    taken: "unknown" as const,
    faults: [
      {
        ...body("gzip", (body) => Zlib.gzipSync(body).subarray(0, -30), { "content-encoding": "gzip" }),
        fields,
        streamFields: says(".")
      }
    ]
  })),
  {
    what: "Odd, but right: unknown fields, duplicate keys, deep nesting, lone surrogates, invalid UTF-8",
    outcome: all("value"),
    again: "nothing",
    faults: [
      document("huge numbers", (json) => `{"extra":[1e999,${"9".repeat(10_000)}],${json.slice(1)}`),
      document("deep nesting", (json) => `{"extra":${deep},${json.slice(1)}`),
      document("duplicate keys", (json) => json.replace(/"(text|messages)":/, '"$1":7,"$1":')),
      document("names of JavaScript's own", (json) => `{"__proto__":{"text":7},"constructor":7,${json.slice(1)}`),
      document("lone surrogates", (json) => json.replaceAll('"type":"', '"type":"\\ud800\\udc00\\ud800')),
      document("invalid UTF-8", (json) => spliced(json, '"type":"', [0xff, 0xed, 0xa0, 0x80, 0xe2, 0x82]))
    ]
  }
]

/** All rows. */
export const faults: ReadonlyArray<Row> = [...connections, ...timeLimits, ...statuses, ...bodies]

/** One change to one field of a JSON document: `field` as on the wire, empty for the whole. */
export interface Misshape {
  readonly field: string
  readonly json: string
}

/** The document many times over, each time with one field missing or of another type. */
export const misshapen = ({ json }: Good): ReadonlyArray<Misshape> =>
  fieldsOf(JSON.parse(json)).flatMap(({ field, replace }) => {
    const removed = field === "" ? [] : [replace(undefined)]
    const others = [null, 7.5, "text", true, [], {}].map(replace)
    const huge = JSON.stringify(replace("huge")).replace('"huge"', "1e999")
    return [...[...removed, ...others].map((value) => JSON.stringify(value)), huge].map((json) => ({ field, json }))
  })

type Replace = (value: unknown) => unknown

const fieldsOf = (value: unknown, field = ""): ReadonlyArray<{ readonly field: string; readonly replace: Replace }> => {
  const self = { field, replace: (other: unknown) => other }
  if (typeof value !== "object" || value === null) return [self]
  const inside = Object.entries(value).flatMap(([key, child]) =>
    fieldsOf(child, Array.isArray(value) ? `${field}[${key}]` : field === "" ? key : `${field}.${key}`).map(
      (inner) => ({
        field: inner.field,
        replace: (other: unknown) => {
          const changed = inner.replace(other)
          return Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed }
        }
      })
    )
  )
  return [self, ...inside]
}
