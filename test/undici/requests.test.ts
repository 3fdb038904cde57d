import { describe, expect, it } from "@effect/vitest"
import { UndiciHttpClient } from "@weavai/undici"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { text } from "node:stream/consumers"
import { Agent } from "undici"
import { rawServer } from "../support/rawServer.ts"
import { response } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import { httpServer } from "./support.ts"

expectNoUnhandledRejections()

const bytes = (text: string) => new TextEncoder().encode(text)

/** Sends a request, and yields it as it was received. */
const received = Effect.fnUntraced(function* (make: (url: string) => HttpClientRequest.HttpClientRequest) {
  const url = yield* httpServer(async (request, reply) => {
    const { headers, method, url } = request
    reply.end(JSON.stringify({ method, url, headers, body: await text(request) }))
  })
  const response = yield* HttpClient.execute(make(url)).pipe(Effect.provide(UndiciHttpClient.layer()))
  return (yield* response.json) as {
    readonly method: string
    readonly url: string
    readonly headers: { readonly [name: string]: string }
    readonly body: string
  }
})

describe("requests", () => {
  it.effect.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const)("%s", (method) =>
    Effect.gen(function* () {
      const request = yield* received((url) =>
        HttpClientRequest.make(method)(`${url}/a%20b?c=1`, {
          urlParams: { d: "é" },
          hash: "e",
          headers: { "X-Custom": "f" }
        })
      )
      expect(request).toMatchObject({ method, url: "/a%20b?c=1&d=%C3%A9", headers: { "x-custom": "f" }, body: "" })
    })
  )

  it.effect.each<[string, HttpBody.HttpBody, object]>([
    ["text", HttpBody.text("höher"), { "content-type": "text/plain", "content-length": "6" }],
    ["bytes", HttpBody.uint8Array(bytes("höher").subarray(0)), { "content-length": "6" }],
    ["a raw text", HttpBody.raw("höher"), { "content-length": "6" }],
    ["a raw blob", HttpBody.raw(new Blob(["höher"])), { "content-length": "6" }],
    ["a raw web stream", HttpBody.raw(new Blob(["hö", "her"]).stream()), { "transfer-encoding": "chunked" }],
    ["a stream", HttpBody.stream(Stream.make(bytes("hö"), bytes("her"))), { "transfer-encoding": "chunked" }],
    [
      "a stream of known length",
      HttpBody.stream(Stream.make(bytes("hö"), bytes("her")), "text/plain", 6),
      { "content-type": "text/plain", "content-length": "6" }
    ]
  ])("%s as body", ([, body, headers]) =>
    Effect.gen(function* () {
      const request = yield* received((url) => HttpClientRequest.setBody(HttpClientRequest.post(url), body))
      expect(request).toMatchObject({ body: "höher", headers })
    })
  )

  it.effect("raw parameters as body", () =>
    Effect.gen(function* () {
      const body = HttpBody.raw(new URLSearchParams({ q: "höher" }))
      const request = yield* received((url) => HttpClientRequest.setBody(HttpClientRequest.post(url), body))
      expect(request.body).toBe("q=h%C3%B6her")
    })
  )

  it.effect("a form with a file as body", () =>
    Effect.gen(function* () {
      const form = new FormData()
      form.append("name", "policy")
      form.append("file", new File(["# Deductibles"], "policy.md", { type: "text/markdown" }))
      const { body, headers } = yield* received((url) =>
        HttpClientRequest.bodyFormData(HttpClientRequest.post(url), form)
      )
      const read = yield* Effect.promise(() => new Response(body, { headers }).formData())
      expect(read.get("name")).toBe("policy")
      expect(read.get("file")).toMatchObject({ name: "policy.md", type: "text/markdown", size: 13 })
    })
  )

  it.effect("keep an accept-encoding of their own", () =>
    Effect.gen(function* () {
      const request = yield* received((url) =>
        HttpClientRequest.get(url, { headers: { "Accept-Encoding": "identity" } })
      )
      expect(request.headers["accept-encoding"]).toBe("identity")
    })
  )
})

describe("a request that cannot be sent", () => {
  class Unreadable extends Data.TaggedError("Unreadable")<{}> {}

  it.effect("because its body fails", () =>
    Effect.gen(function* () {
      const body = HttpBody.stream(Stream.concat(Stream.succeed(bytes("begun")), Stream.fail(new Unreadable())))
      const error = yield* Effect.flip(received((url) => HttpClientRequest.setBody(HttpClientRequest.post(url), body)))
      expect(error).toMatchObject({ _tag: "HttpClientError", reason: { _tag: "EncodeError", cause: new Unreadable() } })
    })
  )

  it.effect.each<
    [string, (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest, object]
  >([
    [
      "a header with a line break",
      HttpClientRequest.setHeader("x-custom", "a\r\nb"),
      { _tag: "TransportError", cause: { code: "UND_ERR_INVALID_ARG" } }
    ],
    [
      "a scheme that is not HTTP",
      HttpClientRequest.setUrl("ftp://127.0.0.1"),
      { _tag: "TransportError", cause: { code: "UND_ERR_INVALID_ARG" } }
    ],
    ["no URL", HttpClientRequest.setUrl("nowhere"), { _tag: "InvalidUrlError" }]
  ])("because of %s", ([, spoil, reason]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(received((url) => spoil(HttpClientRequest.get(url))))
      expect(error).toMatchObject({ _tag: "HttpClientError", reason })
    })
  )
})

describe("a body that is being sent", () => {
  /** Bytes without end, and whether somebody still asks for them. */
  const endless = Effect.map(Deferred.make<void>(), (left) => ({
    left,
    body: HttpBody.stream(
      Stream.forever(Stream.succeed(new Uint8Array(1024))).pipe(Stream.ensuring(Deferred.succeed(left, undefined)))
    )
  }))

  it.effect("is left when the request is interrupted", () =>
    Effect.gen(function* () {
      const { body, left } = yield* endless
      const server = yield* Deferred.make<void>()
      const url = yield* httpServer(() => Deferred.doneUnsafe(server, Effect.void))
      yield* HttpClientRequest.post(url).pipe(
        HttpClientRequest.setBody(body),
        HttpClient.execute,
        Effect.raceFirst(Deferred.await(server)),
        Effect.andThen(Deferred.await(left)),
        Effect.provide(UndiciHttpClient.layer())
      )
    })
  )

  it.effect("is left when it waits for its next bytes", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const left = yield* Deferred.make<void>()
      const waiting = Stream.never.pipe(
        Stream.onStart(Deferred.succeed(begun, undefined)),
        Stream.ensuring(Deferred.succeed(left, undefined))
      )
      const url = yield* httpServer(() => {})
      yield* HttpClientRequest.post(url).pipe(
        HttpClientRequest.setBody(HttpBody.stream(waiting)),
        HttpClient.execute,
        Effect.raceFirst(Deferred.await(begun)),
        Effect.andThen(Deferred.await(left)),
        Effect.provide(UndiciHttpClient.layer())
      )
    })
  )

  it.effect("is left when the response is complete before it", () =>
    Effect.gen(function* () {
      const { body, left } = yield* endless
      const url = yield* httpServer((_, reply) => reply.writeHead(413).end("too much"))
      yield* Effect.gen(function* () {
        const reply = yield* HttpClient.execute(HttpClientRequest.setBody(HttpClientRequest.post(url), body))
        expect(reply.status).toBe(413)
        expect(yield* reply.text).toBe("too much")
        yield* Deferred.await(left)
      }).pipe(Effect.provide(UndiciHttpClient.layer()))
    })
  )
})

describe("a dispatcher of one's own", () => {
  it.effect("is used, and not closed", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(response("ok")))
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new Agent()),
        (agent) => Effect.promise(() => agent.close())
      )
      const reply = yield* UndiciHttpClient.make(agent).get(server.url)
      expect(yield* reply.text).toBe("ok")
      expect(agent.closed).toBe(false)
    })
  )
})
