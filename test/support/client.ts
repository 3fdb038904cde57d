/**
 * What an operation needs to run against a test's service.
 */
import { ApiError, type ChatError, WeavConfig, type WeavConfigOptions } from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as FetchHttpClient from "effect/http/FetchHttpClient"

/** Looks like the service's tokens: a JWT. */
export const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMTczNDkifQ.s3cr3t-S1gnature_0"

/** Calls the service at a URL over real HTTP. */
export const clientFor = ({ url }: { readonly url: string }, options?: Partial<WeavConfigOptions>) =>
  Layer.mergeAll(configFor(url, options), FetchHttpClient.layer)

/** Calls a service that is a function: for bodies by the hundred, or fed by hand. */
export const inProcess = (
  respond: (request: Request, signal: AbortSignal) => Response | Promise<Response>,
  options?: Partial<WeavConfigOptions>
) =>
  Layer.mergeAll(
    configFor("http://localhost", options),
    Layer.provide(
      FetchHttpClient.layer,
      Layer.succeed(FetchHttpClient.Fetch, async (input, init) => respond(new Request(input, init), init!.signal!))
    )
  )

/** A failure's own tag and fields: an `ApiError` is looked through to its reason. */
export const failureOf = <A, R>(effect: Effect.Effect<A, ChatError, R>) =>
  Effect.map(Effect.flip(effect), (error) => (error instanceof ApiError ? error.reason : error))

const configFor = (url: string, options?: Partial<WeavConfigOptions>) =>
  Layer.orDie(WeavConfig.layer({ env: url, authToken: Redacted.make(token), retry: false, ...options }))
