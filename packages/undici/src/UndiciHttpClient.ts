/**
 * Effect's `HttpClient` for Node on undici, the client inside Node's `fetch`, without what `fetch` puts around it: with
 * 32 calls in flight, each takes about a fifth of the CPU. Browsers, Bun and Deno stay with `FetchHttpClient`.
 *
 * @module
 * @example
 * ```ts
 * import { ChatOperations, WeavConfig } from "@weavai/effect"
 * import { UndiciHttpClient } from "@weavai/undici"
 * import { Effect } from "effect"
 *
 * const reply = ChatOperations.chat({ userInput: "What is the deductible?", chatId: "chat123", fileId: "file456" })
 *
 * const runnable = reply.pipe(Effect.provide([WeavConfig.layerConfig(), UndiciHttpClient.layer({ connections: 64 })]))
 * ```
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import { setTimeout } from "node:timers/promises"
import { Agent, type Dispatcher, Pool } from "undici"
import { acceptEncoding } from "./internal/contentCoding.ts"
import { exchange } from "./internal/exchange.ts"
import { requestBody } from "./internal/requestBody.ts"
import { Response } from "./internal/Response.ts"

/** Settings of the connections that {@link layer} keeps. */
export interface Options {
  /** How many connections to one origin are open at most; further requests wait. Default: no limit. */
  readonly connections?: number | undefined
  /** How long an idle connection is kept where the server does not say so itself. Default 4 seconds. */
  readonly keepAlive?: Duration.Input | undefined
  /** How long establishing a connection may take. Default 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
}

/** An option that cannot be used: which one, and what to give instead. */
export class OptionError extends Schema.TaggedError<OptionError>()("UndiciOptionError", {
  option: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `${this.option} ${this.description}`
  }
}

/**
 * An `HttpClient` with connections of its own, kept open between requests and closed with the layer's scope: once the
 * requests that are under way have ended, after 2 seconds in any case. Each call of `layer` makes other connections.
 *
 * - A redirect is not followed but is the response, so that a token stays with the origin it was sent to;
 *   `HttpClient.followRedirects` follows them.
 * - Bodies in gzip, deflate, brotli or zstd are asked for and decoded. One that is broken is a `DecodeError`.
 * - There are no time limits but those of the options: set them with `Effect.timeout`, as the SDK does.
 * - Failures are `HttpClientError`s: `TransportError` where there is no response, `DecodeError` where its body broke.
 *   The `cause` is undici's or the system's error, with its `code`.
 *
 * @example
 * ```ts
 * import { UndiciHttpClient } from "@weavai/undici"
 * import { Effect } from "effect"
 * import { HttpClient } from "effect/http"
 *
 * const status = HttpClient.get("https://subdomain.weav.ai/").pipe(
 *   Effect.map((response) => response.status),
 *   Effect.provide(UndiciHttpClient.layer({ keepAlive: "30 seconds" }))
 * )
 * ```
 */
export const layer = (options: Options = {}): Layer.Layer<HttpClient.HttpClient, OptionError> =>
  Layer.effect(HttpClient.HttpClient, Effect.map(makeAgent(options), make))

/**
 * An `HttpClient` on a dispatcher of your own, such as a `ProxyAgent` or a `MockAgent`. It stays yours to close.
 *
 * @example
 * ```ts
 * import { UndiciHttpClient } from "@weavai/undici"
 * import { Layer } from "effect"
 * import { HttpClient } from "effect/http"
 * import { ProxyAgent } from "undici"
 *
 * const viaProxy = Layer.succeed(HttpClient.HttpClient, UndiciHttpClient.make(new ProxyAgent("http://proxy.local:3128")))
 * ```
 */
export const make = (dispatcher: Dispatcher): HttpClient.HttpClient =>
  // What Effect's client puts around a request (spans, scopes, aborting what is dropped) is too cheap to do without.
  HttpClient.make((request, url, signal, fiber) =>
    Effect.mapBoth(
      exchange(dispatcher, signal, {
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method,
        headers: { "accept-encoding": acceptEncoding(url), ...request.headers },
        body: requestBody(request, fiber.context),
        headersTimeout: 0,
        bodyTimeout: 0
      }),
      {
        onFailure: (cause) =>
          // A request body that failed says so itself.
          HttpClientError.isHttpClientError(cause)
            ? cause
            : new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) }),
        onSuccess: (head) => new Response(request, url, head)
      }
    )
  )

const makeAgent = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Agent, OptionError, Scope.Scope> {
  const settings: Agent.Options = {
    connections: yield* count(options, "connections", null),
    keepAliveTimeout: yield* millis(options, "keepAlive", 4000),
    connectTimeout: yield* millis(options, "connectTimeout", 10_000),
    // With HTTP/2 a limit on connections would be none on requests.
    allowH2: false
  }
  const { agent } = yield* Effect.acquireRelease(
    Effect.sync(() => openAgent(settings)),
    ({ close }) => Effect.promise(close)
  )
  return agent
})

/** An agent, and how to close it: it forgets its pools when it is told to close, so they are kept here as well. */
const openAgent = (settings: Agent.Options) => {
  const pools = new Set<Pool>()
  const agent = new Agent({
    ...settings,
    factory(origin, poolSettings) {
      // The agent closes a pool that has no connection left, and makes another when it needs one.
      for (const pool of pools) if (pool.closed) pools.delete(pool)
      const pool = new Pool(origin, poolSettings)
      pools.add(pool)
      return pool
    }
  })
  const close = async () => {
    // A body that is never read to its end would be waited for without end.
    await Promise.race([agent.close(), setTimeout(gracePeriod, undefined, { ref: false })])
    await Promise.all(Array.from(pools, (pool) => pool.destroy()))
  }
  return { agent, close }
}

/** In milliseconds. */
const gracePeriod = 2000

const count = <A>(options: Options, option: "connections", otherwise: A) => {
  const value = options[option]
  if (value === undefined) return Effect.succeed(otherwise)
  return Number.isSafeInteger(value) && value > 0
    ? Effect.succeed(value)
    : refuse(option, `must be an integer of 1 or more, got ${value}.`)
}

const millis = (options: Options, option: "keepAlive" | "connectTimeout", otherwise: number) => {
  const input = options[option]
  if (input === undefined) return Effect.succeed(otherwise)
  const value = Option.match(Duration.fromInput(input), { onNone: () => NaN, onSome: Duration.toMillis })
  return Number.isFinite(value) && value > 0
    ? Effect.succeed(value)
    : refuse(option, `must be a duration above zero such as "10 seconds", got ${String(input)}.`)
}

const refuse = (option: string, description: string) => Effect.fail(new OptionError({ option, description }))
