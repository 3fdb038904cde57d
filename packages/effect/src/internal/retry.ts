/**
 * Sending a request again.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { ApiError, type ApiErrorReason, type ChatError } from "../ChatError.ts"
import type { RetryPolicy, WeavConfig } from "../WeavConfig.ts"
import type { Call } from "./http.ts"

/**
 * Repeats an attempt as the configuration's policy says, while the call's whole time limit leaves room for it. Nothing
 * of it is made before an attempt fails.
 */
export const withRetry = <A, R>(
  attempt: Effect.Effect<A, ChatError, R>,
  { method }: Call,
  { retry, timeouts }: WeavConfig["Service"]
): Effect.Effect<A, ChatError, R> => {
  if (retry === undefined) return attempt

  return Effect.withFiber((fiber) => {
    const clock = fiber.getRef(Clock.Clock)
    const deadline = clock.currentTimeMillisUnsafe() + Duration.toMillis(timeouts.total)

    const sendAgain = (error: ChatError, attempts: number): Effect.Effect<A, ChatError, R> => {
      if (error._tag !== "ApiError") return Effect.fail(error)
      const failure = Effect.fail(new ApiError({ reason: error.reason, attempts }))
      if (attempts >= retry.maxAttempts || !isRepeatable(method, error.reason)) return failure
      return Effect.flatMap(pauseBefore(retry, error.reason, attempts), (pause) =>
        pause === undefined || clock.currentTimeMillisUnsafe() + pause >= deadline
          ? failure
          : Effect.andThen(
              Effect.sleep(pause),
              Effect.catch(attempt, (error) => sendAgain(error, attempts + 1))
            )
      )
    }
    return Effect.catch(attempt, (error) => sendAgain(error, 1))
  })
}

/** A read may always be repeated; a message only where it is sure that the service did not take it. */
const isRepeatable = (method: Call["method"], reason: ApiErrorReason): boolean => {
  switch (reason._tag) {
    case "RateLimited":
      return true
    case "ServerError":
      return method === "GET"
        ? reason.status === 502 || reason.status === 503 || reason.status === 504
        : reason.status === 503 && reason.retryAfter !== undefined
    case "TransportError":
      return method === "GET" || (reason.code !== undefined && neverConnected.test(reason.code))
    case "TimeoutError":
      return method === "GET"
    default:
      return false
  }
}

/** Codes of failures before a connection stood: refused, no such name, no TLS. */
const neverConnected =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** How long to wait, in milliseconds; `undefined` where the service asks for longer than the policy allows. */
const pauseBefore = (
  { baseDelay, maxDelay, maxRetryAfter }: RetryPolicy,
  reason: ApiErrorReason,
  attempts: number
): Effect.Effect<number | undefined> => {
  const asked = "retryAfter" in reason ? reason.retryAfter : undefined
  if (asked !== undefined) return Effect.succeed(asked <= Duration.toMillis(maxRetryAfter) ? asked : undefined)
  const ceiling = Math.min(Duration.toMillis(maxDelay), Duration.toMillis(baseDelay) * 2 ** (attempts - 1))
  return Effect.map(Random.next, (fraction) => fraction * ceiling)
}
