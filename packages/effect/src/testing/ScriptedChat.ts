/**
 * A chat service that answers from a script and remembers what it was asked.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpClient from "effect/http/HttpClient"
import { HttpClientError, TransportError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { Operation } from "../ChatError.ts"
import type { Reply } from "./Reply.ts"
import { readRequest, type SentRequest } from "./SentRequest.ts"
import { UnexpectedRequest } from "./UnexpectedRequest.ts"

/** The replies to one operation: in this order, or made from the request, of which `index` alike came before. */
export type Handler<O extends Operation> =
  | ReadonlyArray<Reply>
  | ((request: Extract<SentRequest, { operation: O }>["request"], index: number) => Reply)

/** The replies: to all requests in the order in which they come, or for each operation by itself. */
export type Script = ReadonlyArray<Reply> | { readonly [O in Operation]?: Handler<O> }

/** The test's view of the service. */
export interface Scripted {
  /** The requests so far, in the order in which they came. */
  readonly requests: ReadonlyArray<SentRequest>
}

/**
 * A chat service that answers from a script, in place of a network.
 *
 * A request that the script has no reply to is an `UnexpectedRequest`, which the program cannot catch as a `ChatError`.
 *
 * @example
 * ```ts
 * import { ChatOperations, WeavConfig } from "@weavai/effect"
 * import { Reply, ScriptedChat } from "@weavai/effect/testing"
 * import { Effect, Redacted, Stream } from "effect"
 * import assert from "node:assert/strict"
 *
 * const rows = Array.from({ length: 250 }, (_, i) => ({ text: `message ${i}` }))
 *
 * const test = Effect.gen(function*() {
 *   const texts = yield* ChatOperations.chatLogs().pipe(Stream.map((row) => row.text), Stream.runCollect)
 *   const { requests } = yield* ScriptedChat
 *   assert.equal(texts.length, 250)
 *   assert.equal(requests.length, 3)
 * }).pipe(
 *   Effect.provide([
 *     WeavConfig.layer({ env: "local", authToken: Redacted.make("any") }),
 *     ScriptedChat.layer({
 *       getChatLogs: () => Reply.logs(rows),
 *       chat: ({ userInput }, index) => index === 0 ? Reply.status(503) : Reply.chat(`You said: ${userInput}`)
 *     })
 *   ])
 * )
 * ```
 */
export class ScriptedChat extends Context.Service<ScriptedChat, Scripted>()("@weavai/effect/testing/ScriptedChat") {
  /** The service as the `HttpClient` of the program under test, and what it was asked. */
  static readonly layer = (script: Script): Layer.Layer<ScriptedChat | HttpClient.HttpClient> =>
    Layer.effectContext(
      Effect.sync(() => {
        const { requests, respond } = play(script)
        return Context.make(ScriptedChat, { requests }).pipe(Context.add(HttpClient.HttpClient, clientOf(respond)))
      })
    )

  /**
   * The service as a `fetch`, for the Promise edition. There an unexpected request rejects `fetch`, which becomes an
   * `ApiError` that names it.
   *
   * @example
   * ```ts
   * import { Reply, ScriptedChat } from "@weavai/effect/testing"
   * import { createChatClient } from "@weavai/promise"
   * import assert from "node:assert/strict"
   *
   * const { fetch, requests } = ScriptedChat.fetch([Reply.chat("The deductible is $5,000.")])
   * await using client = createChatClient({ env: "local", authToken: "any", fetch })
   * await client.chat({ userInput: "What is the deductible?", chatId: "chat123", fileId: "file456" })
   * assert.equal(requests[0]?.operation, "chat")
   * ```
   */
  static readonly fetch = (
    script: Script
  ): Scripted & {
    /** For the client's option of that name. */
    readonly fetch: typeof globalThis.fetch
  } => {
    const { requests, respond } = play(script)
    return {
      requests,
      async fetch(input, init) {
        const request = new Request(input, init)
        try {
          return await Effect.runPromise(respond(request), { signal: request.signal })
        } catch (error) {
          request.signal.throwIfAborted()
          throw error
        }
      }
    }
  }
}

type Respond = (request: Request) => Effect.Effect<Response, TypeError>

const play = (script: Script): Scripted & { readonly respond: Respond } => {
  const requests: Array<SentRequest> = []
  const respond: Respond = Effect.fnUntraced(function* (request) {
    const sent = readRequest(request, yield* Effect.promise(() => request.text()))
    if (sent === undefined) {
      return yield* unexpected(`${request.method} ${request.url} is no request of the chat service's operations`)
    }
    const reply = nextReply(script, sent, requests)
    const index = requests.push(sent) - 1
    if (reply === undefined) {
      const asked = `${sent.operation} ${JSON.stringify(sent.request)}`
      return yield* unexpected(`the script has no reply to request ${index + 1}, ${asked}`)
    }
    return yield* reply(sent, index)
  })
  return { requests, respond }
}

const unexpected = (description: string) => Effect.die(new UnexpectedRequest({ description }))

const nextReply = (script: Script, sent: SentRequest, before: ReadonlyArray<SentRequest>): Reply | undefined => {
  if (isList(script)) return script[before.length]
  const index = before.filter(({ operation }) => operation === sent.operation).length
  // Which request belongs to which handler, the types cannot follow.
  const handler = script[sent.operation] as Handler<any> | undefined
  return typeof handler === "function" ? handler(sent.request, index) : handler?.[index]
}

/** `Array.isArray` knows no read-only lists. */
const isList = (script: Script): script is ReadonlyArray<Reply> => Array.isArray(script)

const clientOf = (respond: Respond): HttpClient.HttpClient =>
  HttpClient.make((request) =>
    Effect.orDie(HttpClientRequest.toWeb(request)).pipe(
      Effect.flatMap(respond),
      Effect.mapBoth({
        onSuccess: (response) => HttpClientResponse.fromWeb(request, response),
        onFailure: (cause) => new HttpClientError({ reason: new TransportError({ request, cause }) })
      })
    )
  )
