import { describe, expect, it } from "@effect/vitest"
import { UndiciHttpClient } from "@weavai/undici"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Cookies from "effect/http/Cookies"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as UrlParams from "effect/http/UrlParams"
import { randomBytes } from "node:crypto"
import * as Zlib from "node:zlib"
import { rawServer, type Script } from "../support/rawServer.ts"
import { chunk, head, lastChunk, response } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"

expectNoUnhandledRejections()

/** A client, and a server that answers with these bytes. */
const answering = Effect.fnUntraced(function* (script: Script) {
  const server = yield* rawServer(script)
  const services = yield* Layer.build(UndiciHttpClient.layer())
  return { client: Context.get(services, HttpClient.HttpClient), ...server }
})

const responseTo = (...pieces: ReadonlyArray<string | Uint8Array>) =>
  Effect.flatMap(
    answering(async ({ write }) => {
      for (const piece of pieces) await write(piece)
    }),
    ({ client, url }) => client.get(`${url}/path?query=1#hash`)
  )

const encoded = (coding: string, body: Uint8Array) =>
  responseTo(head({ "content-encoding": coding, "content-length": `${body.length}` }), body)

const streamed = ({ stream }: HttpClientResponse.HttpClientResponse) =>
  Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(chunks).toString())

const answer = "The deductible is 5.000 €. ".repeat(10_000)

describe("a response", () => {
  it.effect("has a status, headers, a URL and cookies", () =>
    Effect.gen(function* () {
      const reply = yield* responseTo(
        "HTTP/1.1 201 Created\r\nX-Request-Id: r-7\r\nVia: 1.1 a\r\nvia: 1.1 b\r\nSet-Cookie: c=1; Path=/, d\r\nset-cookie: e=2\r\ncontent-length: 0\r\n\r\n"
      )
      expect(reply.status).toBe(201)
      expect(reply.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/path\?query=1$/)
      expect({ ...reply.headers }).toEqual({
        "x-request-id": "r-7",
        via: "1.1 a, 1.1 b",
        "set-cookie": "e=2",
        "content-length": "0"
      })
      expect(Option.map(Cookies.getValue(reply.cookies, "c"), String)).toEqual(Option.some("1"))
      expect(Cookies.getValue(reply.cookies, "e")).toEqual(Option.some("2"))
      expect(reply.remoteAddress).toEqual(Option.none())
      expect(HttpClientResponse.toWeb(reply)).toEqual(Option.none())
    })
  )

  it.effect("does not show the token when it is dumped", () =>
    Effect.gen(function* () {
      const { client, url } = yield* answering(({ write }) => write(response("ok")))
      const reply = yield* client.get(url, { headers: { authorization: "Bearer s3cr3t" } })
      expect(JSON.stringify(reply)).toMatch(/"status":200/)
      expect(JSON.stringify(reply)).not.toMatch(/s3cr3t/)
    })
  )

  it.effect("is the one after those that only inform", () =>
    Effect.gen(function* () {
      const reply = yield* responseTo("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", response("ok"))
      expect(reply.status).toBe(200)
      expect(yield* reply.text).toBe("ok")
    })
  )
})

describe("a body", () => {
  it.effect("is read as text, as JSON, as bytes, again and again", () =>
    Effect.gen(function* () {
      const reply = yield* responseTo(response('\ufeff{"a":"é"}'))
      expect(yield* reply.text).toBe('{"a":"é"}')
      expect(yield* reply.json).toEqual({ a: "é" })
      expect(Buffer.from(yield* reply.arrayBuffer).toString()).toBe('\ufeff{"a":"é"}')
    })
  )

  it.effect("in chunks that cut a character", () =>
    Effect.gen(function* () {
      const [first, ...rest] = Buffer.from("€")
      const reply = yield* responseTo(
        head({ "transfer-encoding": "chunked" }),
        Buffer.concat([Buffer.from("1\r\n"), Buffer.from([first!]), Buffer.from("\r\n2\r\n"), Buffer.from(rest)]),
        `\r\n${lastChunk}`
      )
      expect(yield* reply.text).toBe("€")
    })
  )

  it.effect("is read as parameters and as a form", () =>
    Effect.gen(function* () {
      const type = { "content-type": "application/x-www-form-urlencoded" }
      const reply = yield* responseTo(response("?q=a+b&q=%C3%A9", { headers: type }))
      expect(UrlParams.getAll(yield* reply.urlParamsBody, "q")).toEqual(["é"])
      expect(UrlParams.getAll(yield* reply.urlParamsBody, "?q")).toEqual(["a b"])
      expect((yield* reply.formData).getAll("q")).toContain("é")
    })
  )

  it.effect("that is large is read whole and as a stream", () =>
    Effect.gen(function* () {
      const whole = yield* responseTo(response(answer))
      expect(yield* whole.text).toBe(answer)
      const stream = yield* responseTo(response(answer))
      expect(yield* streamed(stream)).toBe(answer)
    })
  )

  it.effect("is streamed once", () =>
    Effect.gen(function* () {
      const reply = yield* responseTo(response("ok"))
      expect(yield* streamed(reply)).toBe("ok")
      const again = { reason: { _tag: "DecodeError", cause: { message: expect.stringContaining("already") } } }
      expect(yield* Effect.flip(streamed(reply))).toMatchObject(again)
      expect(yield* Effect.flip(reply.text)).toMatchObject(again)
    })
  )

  it.effect("that is no JSON is an error", () =>
    Effect.gen(function* () {
      const reply = yield* responseTo(response("<html>"))
      const error = yield* Effect.flip(reply.json)
      expect(error).toMatchObject({ reason: { _tag: "DecodeError", cause: expect.any(SyntaxError) } })
      expect(error.response?.status).toBe(200)
    })
  )

  it.effect("that is cut short is an error, after what had arrived", () =>
    Effect.gen(function* () {
      const texts: Array<string> = []
      const { client, url } = yield* answering(async ({ end, write }) => {
        await write(head({ "transfer-encoding": "chunked" }) + chunk("begun"))
        end()
      })
      const reply = yield* client.get(url)
      const error = yield* reply.stream.pipe(
        Stream.runForEach((bytes) => Effect.sync(() => texts.push(Buffer.from(bytes).toString()))),
        Effect.flip
      )
      expect(texts).toEqual(["begun"])
      expect(error).toMatchObject({ reason: { _tag: "DecodeError", cause: { code: "UND_ERR_SOCKET" } } })
    })
  )

  it.effect.each<[string, (url: string) => HttpClientRequest.HttpClientRequest, string]>([
    ["after HEAD", HttpClientRequest.head, head({ "content-length": "9", "content-encoding": "gzip" })],
    ["with status 204", HttpClientRequest.get, head({ "content-encoding": "gzip" }, 204)],
    ["with status 304", HttpClientRequest.get, head({ "content-length": "9", "content-encoding": "gzip" }, 304)],
    ["of no length", HttpClientRequest.get, response("", { headers: { "content-encoding": "gzip" } })]
  ])("is empty %s", ([, request, bytes]) =>
    Effect.gen(function* () {
      const { client, url } = yield* answering(({ write }) => write(bytes))
      expect(yield* Effect.flatMap(client.execute(request(url)), (reply) => reply.text)).toBe("")
      expect(yield* Effect.flatMap(client.execute(request(url)), (reply) => reply.json)).toBe(null)
      expect(yield* Effect.flatMap(client.execute(request(url)), streamed)).toBe("")
    })
  )
})

describe("a compressed body", () => {
  const codings: Array<[string, (body: string) => Uint8Array]> = [
    ["gzip", Zlib.gzipSync],
    ["X-GZIP", Zlib.gzipSync],
    ["deflate", Zlib.deflateSync],
    ["deflate", Zlib.deflateRawSync],
    ["br", Zlib.brotliCompressSync],
    ["zstd", Zlib.zstdCompressSync]
  ]

  it.effect.each(codings)("in %s is decoded", ([coding, compress]) =>
    Effect.gen(function* () {
      const whole = yield* encoded(coding, compress(answer))
      expect(yield* whole.text).toBe(answer)
      const stream = yield* encoded(coding, compress(answer))
      expect(yield* streamed(stream)).toBe(answer)
    })
  )

  it.effect("comes as it is written", () =>
    Effect.gen(function* () {
      const gzip = Zlib.createGzip()
      const { client, url } = yield* answering(({ write }) => {
        void write(head({ "content-encoding": "gzip" }))
        gzip.on("data", write)
        gzip.write("Hail ")
        gzip.flush()
      })
      const reply = yield* client.get(url)
      expect(Buffer.from(Option.getOrThrow(yield* Stream.runHead(reply.stream))).toString()).toBe("Hail ")
    })
  )

  it.effect("makes the server wait, however well it is compressed", () =>
    Effect.gen(function* () {
      const bomb = Zlib.gzipSync(Buffer.alloc(100_000_000))
      const reply = yield* encoded("gzip", bomb)
      const before = process.memoryUsage().arrayBuffers
      expect(Option.isSome(yield* Stream.runHead(reply.stream))).toBe(true)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
    })
  )

  it.effect.each<[string, Uint8Array, string]>([
    ["is no gzip", Buffer.from("plain"), "Z_DATA_ERROR"],
    ["ends too soon", Zlib.gzipSync(answer).subarray(0, -20), "Z_BUF_ERROR"]
  ])("that %s is an error", ([, body, code]) =>
    Effect.gen(function* () {
      const broken = { reason: { _tag: "DecodeError", cause: { code } } }
      const whole = yield* encoded("gzip", body)
      expect(yield* Effect.flip(whole.text)).toMatchObject(broken)
      const stream = yield* encoded("gzip", body)
      expect(yield* Effect.flip(Stream.runDrain(stream.stream))).toMatchObject(broken)
    })
  )

  it.effect("that comes faster than it is decoded makes the server wait, and is whole", () =>
    Effect.gen(function* () {
      const noise = randomBytes(3_000_000)
      const reply = yield* encoded("gzip", Zlib.gzipSync(noise))
      expect(Buffer.from(yield* reply.arrayBuffer).equals(noise)).toBe(true)
    })
  )

  it.effect("that is broken does not keep its connection", () =>
    Effect.gen(function* () {
      const { client, received, url } = yield* answering(({ write }) =>
        write(head({ "content-encoding": "gzip", "content-length": "100" }) + "plain")
      )
      const reply = yield* client.get(url)
      yield* Effect.flip(reply.text)
      yield* Effect.promise(async () => (await received()).closed)
    })
  )

  it.effect("in a coding that is unknown comes as it is", () =>
    Effect.gen(function* () {
      const reply = yield* encoded("compress", Buffer.from("as it is"))
      expect(yield* reply.text).toBe("as it is")
    })
  )
})

describe("an upgrade", () => {
  it.effect("is not to be had", () =>
    Effect.gen(function* () {
      const reply = yield* responseTo(response("ok"))
      expect(yield* Effect.flip(reply.upgrade)).toMatchObject({ reason: { _tag: "StatusCodeError" } })
    })
  )
})
