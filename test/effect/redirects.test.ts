/**
 * Redirects: alike on every HTTP client, and the token never leaves the configured origin.
 */
import { describe, expect, it } from "@effect/vitest"
import { type ChatError, ChatOperations, ChatStream, type HttpClient, WeavConfig } from "@weavai/effect"
import { UndiciHttpClient } from "@weavai/undici"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Client from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { clientFor, failureOf, token } from "../support/client.ts"
import { type RawServer, rawServer, type Script } from "../support/rawServer.ts"
import { eventStream, head, json, response } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

type Operation = Effect.Effect<unknown, ChatError, WeavConfig | HttpClient>

const read: Operation = ChatOperations.getChatHistory({ chatId: "c" })
const chat: Operation = ChatOperations.chat(wire.question)
const stream: Operation = ChatOperations.streamChat(wire.question).pipe(ChatStream.collect)

const answer: Script = ({ request, write }) => {
  if (request.method === "GET") return write(json(wire.chatHistory))
  return write(JSON.parse(request.body).stream ? eventStream(wire.piece("Hail")) : json(wire.chatResponse))
}

const mebibyte = 1024 * 1024

const redirect = (status: number, location?: string) =>
  response("<p>Moved</p>", { status, headers: location === undefined ? {} : { location } })

/** Redirects what comes to the operations' own paths, and answers elsewhere. */
const moving =
  (status: number, to = "/moved/chat?v=2"): Script =>
  (exchange, index) =>
    exchange.request.target.startsWith("/chat-service") ? exchange.write(redirect(status, to)) : answer(exchange, index)

const layers: { readonly [client: string]: (server: RawServer) => Layer.Layer<WeavConfig | HttpClient> } = {
  fetch: clientFor,
  undici: (server) =>
    Layer.orDie(
      Layer.merge(
        WeavConfig.layer({ env: server.url, authToken: Redacted.make(token), retry: false }),
        UndiciHttpClient.layer()
      )
    )
}

describe.each(Object.keys(layers))("by way of %s", (client) => {
  const provideFor = (server: RawServer) => Effect.provide(layers[client]!(server))
  const refusal = (operation: Operation, server: RawServer) => provideFor(server)(failureOf(operation))

  it.effect.each([
    { status: 301, operations: { read } },
    { status: 302, operations: { read } },
    { status: 303, operations: { read } },
    { status: 307, operations: { read, chat, stream } },
    { status: 308, operations: { read, chat, stream } }
  ])("a $status within the origin is followed with the same method and body", ({ operations, status }) =>
    Effect.gen(function* () {
      for (const operation of Object.values<Operation>(operations)) {
        const server = yield* rawServer(moving(status))
        yield* provideFor(server)(operation)
        const [first, second, ...more] = server.requests
        expect(second).toEqual({
          ...first,
          target: "/moved/chat?v=2",
          headers: { ...first!.headers, authorization: `Bearer ${token}` }
        })
        expect(more).toEqual([])
      }
    })
  )

  it.effect("whatever its body is, whose connection is not kept waiting", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((exchange, index) => {
        if (index > 0) return answer(exchange, index)
        void exchange.write(head({ location: "/moved", "content-length": `${3 * mebibyte}` }, 307))
        return exchange.write("x".repeat(2 * mebibyte))
      })
      yield* Effect.gen(function* () {
        yield* chat
        const { closed } = yield* Effect.promise(() => server.received())
        yield* Effect.promise(() => closed)
      }).pipe(provideFor(server))
    })
  )

  it.effect("relative to where the request was sent", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((exchange, index) =>
        index === 0 ? exchange.write(redirect(308, "../b/c")) : answer(exchange, index)
      )
      yield* provideFor(server)(chat)
      expect(server.requests.map(({ target }) => target)).toEqual(["/chat-service/chat", "/b/c"])
    })
  )

  it.effect.each([301, 302, 303])("a message is not turned into a read by a %i", (status) =>
    Effect.gen(function* () {
      const server = yield* rawServer(moving(status))
      for (const operation of [chat, stream]) {
        const error = yield* refusal(operation, server)
        const detail = expect.stringContaining(
          `a redirect of a message to ${server.url}/moved/chat, which would lose it`
        )
        expect(error).toMatchObject({ _tag: "UnexpectedStatus", status, detail, body: "<p>Moved</p>" })
      }
      expect(server.requests.map(({ method }) => method)).toEqual(["POST", "POST"])
    })
  )

  it.effect.each([301, 302, 303, 307, 308])("a %i to another origin takes nothing there", (status) =>
    Effect.gen(function* () {
      const other = yield* rawServer(answer)
      const server = yield* rawServer(moving(status, `${other.url}/chat-service/chat_history?ticket=${token}`))
      for (const operation of [read, chat, stream]) {
        const error = yield* refusal(operation, server)
        expect(error).toMatchObject({
          _tag: "UnexpectedStatus",
          status,
          detail:
            `a redirect to ${other.url}/chat-service/chat_history, away from ${server.url}, where the token belongs: ` +
            `set env to ${other.url}`
        })
        expect(JSON.stringify(error)).not.toContain(token)
      }
      expect(other.requests).toEqual([])
      expect(server.requests.length).toBe(3)
    })
  )

  it.effect("a redirect out of the origin at the second step takes nothing there either", () =>
    Effect.gen(function* () {
      const other = yield* rawServer(answer)
      const server = yield* rawServer(({ request, write }) =>
        write(redirect(307, request.target.startsWith("/chat-service") ? "/moved" : other.url))
      )
      expect(yield* refusal(chat, server)).toMatchObject({ _tag: "UnexpectedStatus", status: 307 })
      expect(server.requests.map(({ target }) => target)).toEqual(["/chat-service/chat", "/moved"])
      expect(other.requests).toEqual([])
    })
  )

  it.effect.each<[string, (other: RawServer) => string]>([
    ["a path that looks like a host", (other) => `/./${other.url.slice(5)}/x`],
    ["a user name that looks like the origin", (other) => `http://127.0.0.1@${other.url.slice(7)}/x`],
    ["no scheme", (other) => `${other.url.slice(5)}/x`],
    ["backslashes", (other) => `\\\\${other.url.slice(7)}/x`]
  ])("%s does not take it there", ([, location]) =>
    Effect.gen(function* () {
      const other = yield* rawServer(answer)
      const server = yield* rawServer(moving(307, location(other)))
      yield* Effect.exit(provideFor(server)(read))
      expect(other.requests).toEqual([])
    })
  )

  it.effect("user name, password and fragment of a location are not sent", () =>
    Effect.gen(function* () {
      const server: RawServer = yield* rawServer((exchange, index) => {
        if (index > 0) return answer(exchange, index)
        return exchange.write(redirect(307, `${server.url.replace("//", "//user:secret@")}/moved#part`))
      })
      yield* provideFor(server)(chat)
      expect(server.requests[1]).toMatchObject({ target: "/moved", headers: { authorization: `Bearer ${token}` } })
    })
  )

  it.effect("a circle ends after five steps", () =>
    Effect.gen(function* () {
      const circle: Script = ({ request, write }) => write(redirect(307, request.target.startsWith("/a") ? "/b" : "/a"))
      const server = yield* rawServer(circle)
      const error = yield* refusal(chat, server)
      expect(error).toMatchObject({ _tag: "UnexpectedStatus", status: 307 })
      expect(error.message).toContain(`redirect 6 in a row, to ${server.url}/b`)
      expect(server.requests.length).toBe(6)
    })
  )

  it.effect.each<[string, string | undefined, string]>([
    ["no location", undefined, "a redirect without a location: set env"],
    ["a location that is no URL", "http://[", "a redirect to what is no URL: set env"],
    ["a location that is no address", "mailto:someone@example.com", "a redirect to mailto:"]
  ])("%s is said so", ([, location, detail]) =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(redirect(308, location)))
      const error = yield* refusal(read, server)
      expect(error).toMatchObject({ _tag: "UnexpectedStatus", detail: expect.stringContaining(detail) })
    })
  )

  it.effect("where it leads is kept up to a length and without the token", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(moving(307, `http://elsewhere.example/${token}/${"x".repeat(5000)}`))
      const error = yield* refusal(read, server)
      expect(error.message).toContain("http://elsewhere.example/<redacted>/xxx")
      expect(error.message.length).toBeLessThan(1200)
    })
  )

  it.effect("transformRequest changes each request, and is held to the origin each time", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(moving(307))
      const transformRequest = HttpClientRequest.setHeader("x-tenant", "7")
      yield* provideFor(server)(ChatOperations.chat(wire.question, { transformRequest }))
      expect(server.requests.map(({ headers }) => headers["x-tenant"])).toEqual(["7", "7"])

      const error = yield* provideFor(server)(
        ChatOperations.chat(wire.question, {
          transformRequest: (request) =>
            request.url.includes("/moved") ? HttpClientRequest.setUrl(request, "http://elsewhere.example") : request
        })
      ).pipe(failureOf)
      expect(error).toMatchObject({ _tag: "InvalidRequest", issues: [{ field: "transformRequest" }] })
    })
  )
})

describe("https", () => {
  const sentTo: Array<string> = []
  const service = (location: string) =>
    Layer.orDie(
      Layer.merge(
        WeavConfig.layer({ env: "https://tenant.example", authToken: Redacted.make(token), retry: false }),
        Layer.provide(
          FetchHttpClient.layer,
          Layer.succeed(FetchHttpClient.Fetch, async (input) => {
            sentTo.push(String(input))
            return new Response(null, { status: 307, headers: { location } })
          })
        )
      )
    )

  it.effect.each(["http://tenant.example/chat-service/chat/", "http://other.example/"])(
    "is not left for %s",
    (location) =>
      Effect.gen(function* () {
        sentTo.length = 0
        const error = yield* failureOf(chat).pipe(Effect.provide(service(location)))
        expect(error).toMatchObject({ _tag: "UnexpectedStatus", status: 307 })
        expect(error.message).toContain(`a redirect to ${location}, which would send the token unencrypted`)
        expect(sentTo).toEqual(["https://tenant.example/chat-service/chat"])
      })
  )
})

describe("fetch", () => {
  /** Answers, and tells with which settings it was called. */
  const recording = () => {
    const seen: Array<RequestInit | undefined> = []
    const fetch: typeof globalThis.fetch = async (_, init) => {
      seen.push(init)
      return Response.json(wire.chatResponse)
    }
    return { seen, fetch: Layer.succeed(FetchHttpClient.Fetch, fetch) }
  }
  const given = Layer.succeed(FetchHttpClient.RequestInit, { credentials: "include", redirect: "follow" })
  const configured = Layer.orDie(WeavConfig.layer({ env: "local", authToken: Redacted.make(token) }))

  it.effect("keeps the other settings that its layer was given", () =>
    Effect.gen(function* () {
      const { fetch, seen } = recording()
      const client = FetchHttpClient.layer.pipe(Layer.provide([fetch, given]))
      yield* chat.pipe(Effect.provide([configured, client]))
      expect(seen).toMatchObject([{ credentials: "include", redirect: "manual", method: "POST" }])
    })
  )

  it.effect("keeps the other settings that its caller was given, and leaves the caller's as they were", () =>
    Effect.gen(function* () {
      const { fetch, seen } = recording()
      yield* Effect.gen(function* () {
        yield* chat
        yield* Effect.orDie(Client.get("http://localhost/"))
      }).pipe(Effect.provide([configured, FetchHttpClient.layer, fetch, given]))
      expect(seen).toMatchObject([
        { credentials: "include", redirect: "manual" },
        { credentials: "include", redirect: "follow" }
      ])
    })
  )

  it.effect("of a browser, which hides where a redirect leads, gives a clear error", () =>
    Effect.gen(function* () {
      const opaque = Object.defineProperty(Response.error(), "type", { value: "opaqueredirect" })
      const client = Client.make((request) => Effect.succeed(HttpClientResponse.fromWeb(request, opaque)))
      for (const [operation, messageArrived] of [
        [chat, "unknown"],
        [read, "no"]
      ] as const) {
        const error = yield* Effect.flip(operation).pipe(
          Effect.provide([configured, Layer.succeed(Client.HttpClient, client)])
        )
        expect(error).toMatchObject({ messageArrived, reason: { _tag: "UnexpectedStatus", status: 0 } })
        expect(error.message).toContain("a redirect, whose aim a browser hides: set env to the service's own address")
      }
    })
  )
})
