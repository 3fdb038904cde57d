/**
 * Streams as async iterators. Written by hand: one fiber reads the stream, a chunk is handed out element by element
 * without running an effect for each, and leaving the loop, an abort or closing the client closes the stream at once;
 * dropping the iterator does when it is collected as garbage.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { abortError, closedError, leftError, type Runner } from "./run.ts"

/** What ended a stream early. */
interface Failure {
  readonly error: unknown
}

/** An iterator that can be told to begin before it is read. */
export interface Reading<A> extends AsyncIterableIterator<A, undefined, void> {
  readonly start: () => void
}

/** Follows a stream. It must not hold on to the iterator, which is to be missed when its reader drops it. */
export interface Observer<A> {
  readonly onChunk?: (chunk: ReadonlyArray<A>) => void
  /** Called once, with what ended the stream early, `undefined` at its natural end. */
  readonly onEnd?: (failure: Failure | undefined) => void
}

export const iterate = <A, R>(
  runner: Runner<R>,
  stream: Stream.Stream<A, unknown, R>,
  signal: AbortSignal | undefined,
  observer: Observer<A> = {}
): Reading<A> => {
  type Result = IteratorResult<A, undefined>

  let fiber: Fiber.Fiber<unknown, unknown> | undefined
  let chunk: ReadonlyArray<A> = []
  let index = 0
  /** Lets the stream go on, where it waits until its chunk is taken. */
  let goOn: (() => void) | undefined
  /** The readers that wait, in order: calls of `next` may overlap. Who waits still holds the iterator. */
  const waiting: Array<PromiseWithResolvers<Result> & { readonly reading: Reading<A> }> = []
  /** Set when the stream was told to end; resolves when it has. */
  let closing: Promise<void> | undefined
  /** What the next read rejects with, once. */
  let failure: Failure | undefined
  let hasEnded = false

  const serve = (): void => {
    while (waiting.length > 0 && index < chunk.length) {
      waiting.shift()!.resolve({ done: false, value: chunk[index++]! })
    }
    if (waiting.length > 0) goOn?.()
  }

  const takeChunk = (next: ReadonlyArray<A>): Effect.Effect<void> =>
    Effect.callback((resume) => {
      chunk = next
      index = 0
      goOn = () => {
        goOn = undefined
        resume(Effect.void)
      }
      observer.onChunk?.(next)
      serve()
    })

  const end = (ended: Failure | undefined): void => {
    hasEnded = true
    signal?.removeEventListener("abort", onAbort)
    runner.opened.delete(onClose)
    observer.onEnd?.(ended)
    for (const reader of waiting.splice(0)) reader.resolve(endResult())
  }

  const endResult = async (): Promise<Result> => {
    if (failure === undefined) return { done: true, value: undefined }
    const { error } = failure
    failure = undefined
    throw error
  }

  const start = (reading: Reading<A>): void => {
    if (fiber !== undefined || closing !== undefined || hasEnded) return
    dropped?.register(reading, leave)
    if (signal?.aborted) failure = { error: abortError(signal) }
    else fiber = runner.fork(Stream.runForEachArray(stream, takeChunk))
    if (fiber === undefined) {
      failure ??= { error: closedError() }
      return end(failure)
    }
    signal?.addEventListener("abort", onAbort, { once: true })
    runner.opened.add(onClose)
    fiber.addObserver((exit) => {
      if (closing !== undefined) return
      if (Exit.isFailure(exit)) failure = { error: Cause.squash(exit.cause) }
      end(failure)
    })
  }

  const close = (ended: Failure): Promise<void> => {
    if (closing !== undefined) return closing
    const closed = Promise.withResolvers<void>()
    closing = closed.promise
    chunk = []
    const finish = () => {
      if (!hasEnded) end(ended)
      closed.resolve()
    }
    if (fiber === undefined) finish()
    else {
      fiber.addObserver(finish)
      fiber.interruptUnsafe()
    }
    return closing
  }

  const onAbort = () => {
    failure = { error: abortError(signal!) }
    void close(failure)
  }

  const onClose = (): Promise<void> => {
    failure = { error: closedError() }
    return close(failure)
  }

  const next = (reading: Reading<A>): Promise<Result> => {
    if (waiting.length === 0 && index < chunk.length) {
      return Promise.resolve({ done: false, value: chunk[index++]! })
    }
    if (hasEnded) return endResult()
    const reader = { ...Promise.withResolvers<Result>(), reading }
    waiting.push(reader)
    start(reading)
    goOn?.()
    return reader.promise
  }

  const leave = (): Promise<void> => close({ error: leftError() })

  return makeReading(start, next, leave)
}

/** What is garbage will not be read any more. */
const dropped =
  typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry<() => unknown>((leave) => leave())

/** Made where nothing of the stream is in sight: a closure holds on to all that is around it. */
const makeReading = <A>(
  start: (reading: Reading<A>) => void,
  next: (reading: Reading<A>) => Promise<IteratorResult<A, undefined>>,
  leave: () => Promise<void>
): Reading<A> => {
  const reading: Reading<A> = {
    [Symbol.asyncIterator]: () => reading,
    start: () => start(reading),
    next: () => next(reading),
    async return() {
      await leave()
      return { done: true, value: undefined }
    }
  }
  return reading
}
