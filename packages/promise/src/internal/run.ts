/**
 * Effects as promises.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

/** Runs effects until it is closed. */
export interface Runner<R> {
  /** Rejects with the effect's own error, or with an `AbortError` when the signal or the runner ends it. */
  readonly run: <A>(effect: Effect.Effect<A, unknown, R>, signal?: AbortSignal) => Promise<A>
  /** Starts an effect for a caller who sees to its end; `undefined` once the runner is closed. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E, R>) => Fiber.Fiber<A, E> | undefined
  /** How to close what outlives a run, such as a stream that is being read. */
  readonly opened: Set<() => Promise<void>>
  /** Ends what is running and closes what is open; nothing runs afterwards. */
  readonly close: () => Promise<void>
}

export const makeRunner = <R>(context: Context.Context<R>): Runner<R> => {
  const start = Effect.runForkWith(context)
  const running = new Set<Fiber.Fiber<unknown, unknown>>()
  const opened = new Set<() => Promise<void>>()
  let isClosed = false

  const fork: Runner<R>["fork"] = (effect) => (isClosed ? undefined : start(effect))

  return {
    fork,
    run: (effect, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(abortError(signal))
        const fiber = fork(effect)
        if (fiber === undefined) return reject(closedError())

        const onAbort = () => fiber.interruptUnsafe()
        signal?.addEventListener("abort", onAbort, { once: true })
        running.add(fiber)
        fiber.addObserver((exit) => {
          running.delete(fiber)
          signal?.removeEventListener("abort", onAbort)
          if (Exit.isSuccess(exit)) return resolve(exit.value)
          if (!Cause.hasInterruptsOnly(exit.cause)) return reject(Cause.squash(exit.cause))
          reject(signal?.aborted ? abortError(signal) : closedError())
        })
      }),
    opened,
    async close() {
      isClosed = true
      await Promise.all(Array.from(opened, (close) => close()))
      await Effect.runPromise(Fiber.interruptAll(running))
    }
  }
}

/** What an abort rejects with: an `AbortError`, whose cause is the signal's reason where that is no such error itself. */
export const abortError = ({ reason }: AbortSignal): Error =>
  reason instanceof Error && reason.name === "AbortError" ? reason : named("The call was aborted.", reason)

/** What the calls of a closed client reject with. */
export const closedError = (): Error => named("The chat client is closed.")

/** What awaits the whole of an answer that nobody reads on. */
export const leftError = (): Error => named("The answer was left before its end.")

const named = (message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { name: "AbortError" })
