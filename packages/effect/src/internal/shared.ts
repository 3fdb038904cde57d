/**
 * One run for all who ask at the same time.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * An effect that is run once for all that wait for it at the same time; asked for again later, it runs again. It is
 * interrupted when nobody waits for it any more.
 */
export const shared = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  interface Run {
    fiber: Fiber.Fiber<A, E> | undefined
    waiting: number
  }
  let current: Run | undefined

  const start = (fiber: Fiber.Fiber<unknown, unknown>): Run => {
    const run: Run = { fiber: undefined, waiting: 0 }
    current = run
    run.fiber = Effect.runForkWith(fiber.context)(effect)
    run.fiber.addObserver(() => leave(run))
    return run
  }

  const leave = (run: Run): void => {
    if (current === run) current = undefined
  }

  return Effect.withFiber((fiber) =>
    Effect.callback((resume) => {
      const run = current ?? start(fiber)
      run.waiting++
      run.fiber!.addObserver(resume)
      return Effect.suspend(() => {
        run.waiting--
        if (run.waiting > 0) return Effect.void
        leave(run)
        return Fiber.interrupt(run.fiber!)
      })
    })
  )
}
