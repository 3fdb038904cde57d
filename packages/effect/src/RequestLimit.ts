/**
 * A limit on the requests that a program sends: so many in flight, so many a second.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import { makePace } from "./internal/pace.ts"
import { type InTurn, setTurns } from "./internal/sending.ts"
import { parseRetryAfter } from "./internal/statusError.ts"
import { makeTurns, monotonicMillis, type Turn } from "./internal/turns.ts"
import { watchBody } from "./internal/watchBody.ts"
import { WeavConfigError } from "./WeavConfig.ts"

/** What {@link layer} limits. */
export interface Options {
  /** How many requests are in flight at most: sent, and their responses not read to the end. Default: no limit. */
  readonly maxInFlight?: number | undefined
  /** How many requests are sent a second at most, evenly spaced; may be a fraction. Default: no limit. */
  readonly perSecond?: number | undefined
  /** How many of them may be sent at once after a quiet time. Default 1. */
  readonly burst?: number | undefined
  /** The longest pause that a `Retry-After` makes for all requests. Default 60 seconds. */
  readonly maxPause?: Duration.Input | undefined
}

/**
 * On whose behalf a request is sent. Callers that wait take turns, however many requests each of them has. Default: all
 * are one caller, whose requests are sent in their order.
 *
 * @example
 * ```ts
 * import { ChatOperations, RequestLimit } from "@weavai/effect"
 * import { Effect, Stream } from "effect"
 *
 * const nightly = ChatOperations.chatLogs().pipe(
 *   Stream.runForEach((row) => Effect.log(row.text)),
 *   Effect.provideService(RequestLimit.Caller, "nightly export")
 * )
 * ```
 */
export const Caller = Context.Reference<string>("@weavai/effect/RequestLimit/Caller", { defaultValue: () => "" })

/**
 * An `HttpClient` that sends through the one below it, within a limit. It is one limit for all that the layer is provided
 * to at once: provide it where the program begins, not to each call.
 *
 * - A request is in flight until the body of its response has been read to its end, has failed or is left: a streamed
 *   answer for as long as it streams. Who sends a request while reading an answer needs a `maxInFlight` of 2 or more.
 * - Waiting counts towards `timeouts.total`, not towards `timeouts.firstByte`. A request that is interrupted leaves the
 *   queue; one that is sent again waits again.
 * - A 429 or 503 with a `Retry-After` keeps back all requests for that long, up to `maxPause`. A 429 without one halves
 *   the rate: `perSecond`, or how many were sent within a second where that is less. What was cut comes back bit by bit,
 *   the half of the rate in 30 seconds. The response is handed on: sending the request again is not up to this layer.
 *
 * Fails with a `WeavConfigError` that says what to change where an option cannot be used.
 *
 * @example
 * ```ts
 * import { ChatOperations, RequestLimit, WeavConfig } from "@weavai/effect"
 * import { Effect, Layer } from "effect"
 * import { FetchHttpClient } from "effect/http"
 *
 * const Limited = RequestLimit.layer({ maxInFlight: 8, perSecond: 20, burst: 5 }).pipe(
 *   Layer.provide(FetchHttpClient.layer)
 * )
 *
 * const ask = (userInput: string) => ChatOperations.chat({ userInput, chatId: "chat123", fileId: "file456" })
 *
 * const runnable = Effect.forEach(["What is the deductible?", "And for hail?"], ask, { concurrency: "unbounded" }).pipe(
 *   Effect.provide([WeavConfig.layerConfig(), Limited])
 * )
 * ```
 */
export const layer = (
  options: Options = {}
): Layer.Layer<HttpClient.HttpClient, WeavConfigError, HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const inTurn = makeInTurn(yield* check(options))
      const limited = HttpClient.transformResponse(client, inTurn)
      setTurns(limited, { client, inTurn })
      return limited
    })
  )

interface Limits {
  readonly maxInFlight: number
  readonly perSecond: number
  readonly burst: number
  readonly maxPause: number
}

const check = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Limits, WeavConfigError> {
  if (typeof options !== "object" || options === null) {
    return yield* refuse("limits", options, "an object such as { maxInFlight: 8 }")
  }
  const { burst = 1, maxInFlight = Infinity, maxPause = "60 seconds", perSecond = Infinity } = options
  if (maxInFlight !== Infinity && !isCount(maxInFlight)) {
    return yield* refuse("maxInFlight", maxInFlight, "an integer of 1 or more")
  }
  if (!isCount(burst)) return yield* refuse("burst", burst, "an integer of 1 or more")
  if (typeof perSecond !== "number" || !(perSecond > 0)) {
    return yield* refuse("perSecond", perSecond, "a number above zero")
  }
  const pause = Duration.fromInput(maxPause)
  if (pause._tag === "None" || !(Duration.toMillis(pause.value) > 0)) {
    return yield* refuse("maxPause", maxPause, 'a duration above zero such as "30 seconds"')
  }
  return { maxInFlight, perSecond, burst, maxPause: Duration.toMillis(pause.value) }
})

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1

const refuse = (option: string, value: unknown, right: string) =>
  Effect.fail(new WeavConfigError({ option, description: `must be ${right}, got ${String(value)}.` }))

const makeInTurn = ({ burst, maxInFlight, maxPause, perSecond }: Limits): InTurn => {
  const pace = makePace(perSecond, burst)
  const lineUp = makeTurns(maxInFlight, pace)

  /** Slows down as the service asks. */
  const heed = (response: HttpClientResponse, turn: Turn, fiber: Fiber.Fiber<unknown, unknown>): void => {
    const { status } = response
    if (status !== 429 && status !== 503) return
    const timeOfDay = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
    const retryAfter = parseRetryAfter(response.headers["retry-after"], timeOfDay)
    const now = monotonicMillis(fiber)
    // None at all, or a moment that has passed, does not tell when the service is ready again.
    if (retryAfter) pace.pauseUntil(now + Math.min(retryAfter, maxPause))
    else if (status === 429) pace.slowDown(now, turn.since, turn.rate)
  }

  return (sending) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) => {
        const turn = lineUp(fiber.getRef(Caller), fiber)
        return Effect.matchCauseEffect(restore(Effect.andThen(turn.begun, sending)), {
          onFailure(cause) {
            turn.end()
            return Effect.failCause(cause)
          },
          onSuccess(response) {
            heed(response, turn, fiber)
            return Effect.succeed(watchBody(response, turn.end))
          }
        })
      })
    )
}
