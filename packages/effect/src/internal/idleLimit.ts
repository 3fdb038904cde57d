/**
 * A limit on how long a stream may be waited for. One fiber watches all waits of a stream: arming `Effect.timeout` for
 * each network chunk costs 3.5 µs a chunk, this next to nothing.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Bounds one wait at a time. */
export interface IdleLimit {
  /** A wait begins: `onExpire` is called if it lasts too long. */
  readonly start: (onExpire: () => void) => void
  /** The wait is over. */
  readonly stop: () => void
}

/** Makes a limit that is watched until the scope closes. */
export const makeIdleLimit = (scope: Scope.Scope, duration: Duration.Duration): Effect.Effect<IdleLimit> =>
  Effect.withFiber((fiber) => {
    const clock = fiber.getRef(Clock.Clock)
    const millis = Duration.toMillis(duration)
    let expire: (() => void) | undefined
    let since = 0

    const stop = (): void => {
      expire = undefined
    }
    const watch: Effect.Effect<void> = Effect.suspend(() => {
      const left = expire === undefined ? millis : since + millis - clock.currentTimeMillisUnsafe()
      if (left > 0) return Effect.andThen(clock.sleep(Duration.millis(left)), watch)
      const onExpire = expire!
      stop()
      onExpire()
      return watch
    })
    const limit: IdleLimit = {
      start(onExpire) {
        since = clock.currentTimeMillisUnsafe()
        expire = onExpire
      },
      stop
    }
    return Effect.as(Effect.forkIn(watch, scope), limit)
  })
