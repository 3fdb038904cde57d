/**
 * Sending a request again.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { ApiError, type ApiErrorReason, type ChatError } from "../ChatError.ts"
import type { RetryPolicy, WeavConfig } from "../WeavConfig.ts"
import type { Call, Progress } from "./http.ts"
import { Follower } from "./observer.ts"

/**
 * Repeats an attempt as the configuration's policy says, while the call's whole time limit leaves room for it. Nothing
 * of it is made before an attempt fails.
 */
export const withRetry = <A, R>(
  attempt: Effect.Effect<A, ChatError, R>,
  { method }: Call,
  { retry, timeouts }: WeavConfig["Service"],
  progress: Progress
): Effect.Effect<A, ChatError, R> => {
  if (retry === undefined) return attempt

  return Effect.withFiber((fiber) => {
    const clock = fiber.getRef(Clock.Clock)
    const deadline = clock.currentTimeMillisUnsafe() + Duration.toMillis(timeouts.total)

    const sendAgain = (error: ChatError, attempts: number): Effect.Effect<A, ChatError, R> => {
      if (error._tag !== "ApiError") return Effect.fail(error)
      const { messageArrived, reason } = error
      // One that was refused before it was sent does not count.
      const sent = attempts - 1 + error.attempts
      const failure = Effect.fail(new ApiError({ reason, attempts: sent, messageArrived }))
      if (attempts >= retry.maxAttempts || !isRepeatable(method, error)) return failure
      const pause = pauseBefore(retry, reason, attempts, fiber.getRef(Random.Random))
      if (clock.currentTimeMillisUnsafe() + pause >= deadline) return failure
      fiber.getRef(Follower)?.onRetry?.({ error, attempts, delay: pause })
      return Effect.flatMap(Effect.sleep(pause), () => {
        progress.attempt = attempts + 1
        return Effect.catch(attempt, (error) => sendAgain(error, attempts + 1))
      })
    }
    return Effect.catch(attempt, (error) => sendAgain(error, 1))
  })
}

/** Only passing failures are; and of a message only those where it is sure that the service did not take it. */
const isRepeatable = (method: Call["method"], { messageArrived, reason }: ApiError): boolean => {
  if (method === "POST" && messageArrived !== "no") return false
  switch (reason._tag) {
    case "RateLimited":
    case "TransportError":
    case "TimeoutError":
      return true
    case "ServerError":
      return method === "POST" || reason.status === 502 || reason.status === 503 || reason.status === 504
    default:
      // A message's answer that cannot be read; the service found not to have the message after all.
      return method === "POST" && reason._tag === "InvalidResponse"
  }
}

/** How long to wait, in milliseconds; for ever where the service asks for longer than the policy allows. */
const pauseBefore = (
  { baseDelay, maxDelay, maxRetryAfter }: RetryPolicy,
  reason: ApiErrorReason,
  attempts: number,
  random: { readonly nextDoubleUnsafe: () => number }
): number => {
  const asked = "retryAfter" in reason ? reason.retryAfter : undefined
  if (asked !== undefined) return asked <= Duration.toMillis(maxRetryAfter) ? asked : Infinity
  const ceiling = Math.min(Duration.toMillis(maxDelay), Duration.toMillis(baseDelay) * 2 ** (attempts - 1))
  return random.nextDoubleUnsafe() * ceiling
}
