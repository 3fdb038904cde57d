/**
 * A limit on how long a stream may be waited for. One fiber watches all waits of a stream: arming `Effect.timeout` for
 * each network chunk costs 3.5 µs a chunk, this 0.3 µs.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/** Interrupts a wait that lasts longer than the limit, and calls `onTimeout`. Waits must not overlap. */
export type IdleLimit = (wait: Effect.Effect<void>, onTimeout: () => void) => Effect.Effect<void>

/** Makes a limit that is watched until the scope closes. */
export const makeIdleLimit = (scope: Scope.Scope, duration: Duration.Duration): Effect.Effect<IdleLimit> =>
  Effect.withFiber((fiber) => {
    const clock = fiber.getRef(Clock.Clock)
    const millis = Duration.toMillis(duration)
    let expire: (() => void) | undefined
    let since = 0

    const watch: Effect.Effect<void> = Effect.suspend(() => {
      const left = expire === undefined ? millis : since + millis - clock.currentTimeMillisUnsafe()
      if (left > 0) return Effect.andThen(clock.sleep(Duration.millis(left)), watch)
      expire?.()
      return Effect.void
    })

    const limit: IdleLimit = (wait, onTimeout) =>
      Effect.withFiber((waiting) =>
        Effect.callback((resume) => {
          since = clock.currentTimeMillisUnsafe()
          const reader = Effect.runForkWith(waiting.context)(wait)
          reader.addObserver((exit) => {
            expire = undefined
            resume(exit)
          })
          if (reader.pollUnsafe() === undefined) {
            expire = () => resume(Effect.andThen(Fiber.interrupt(reader), Effect.sync(onTimeout)))
          }
          return Fiber.interrupt(reader)
        })
      )

    return Effect.as(Effect.forkIn(watch, scope), limit)
  })
