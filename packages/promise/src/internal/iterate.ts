/**
 * Streams as async iterators. Written by hand: a chunk of the stream is handed out element by element without running
 * an effect for each, and leaving the loop, an abort or closing the client closes the stream at once.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { abortError, closedError, leftError, type Runner } from "./run.ts"

/** Follows what an iterator hands out. */
export interface Observer<A> {
  readonly onChunk?: (chunk: ReadonlyArray<A>) => void
  /** Called once, with what ended the stream early, `undefined` at its natural end. */
  readonly onEnd?: (failure: { readonly error: unknown } | undefined) => void
}

export const iterate = <A, R>(
  runner: Runner<R>,
  stream: Stream.Stream<A, unknown, R>,
  signal: AbortSignal | undefined,
  observer: Observer<A> = {}
): AsyncIterableIterator<A, undefined, void> => {
  const scope = Scope.makeUnsafe()
  let pull: Pull.Pull<ReadonlyArray<A>, unknown, unknown, R> | undefined
  let chunk: ReadonlyArray<A> = []
  let index = 0
  /** The reads under way, in order: calls of `next` may overlap. */
  let reading: Promise<unknown> | undefined
  let waiting: Fiber.Fiber<unknown, unknown> | undefined
  let closing: Promise<void> | undefined
  /** What the next read rejects with. */
  let failure: { readonly error: unknown } | undefined

  const open = Effect.suspend(() => {
    signal?.addEventListener("abort", onAbort, { once: true })
    runner.opened.add(onClose)
    return Effect.provideService(Stream.toPull(stream), Scope.Scope, scope)
  })

  const pullChunk = Effect.suspend(() =>
    pull === undefined ? Effect.flatMap(open, (opened) => (pull = opened)) : pull
  )

  const close = (ended: { readonly error: unknown } | undefined): Promise<void> => {
    closing ??= Promise.resolve().then(async () => {
      chunk = []
      signal?.removeEventListener("abort", onAbort)
      runner.opened.delete(onClose)
      waiting?.interruptUnsafe()
      await Effect.runPromise(Scope.close(scope, Exit.void))
      observer.onEnd?.(ended)
    })
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

  const end = async (): Promise<IteratorResult<A, undefined>> => {
    await close(failure)
    if (failure === undefined) return { done: true, value: undefined }
    const { error } = failure
    failure = undefined
    throw error
  }

  const read = (): Promise<IteratorResult<A, undefined>> => {
    if (closing !== undefined) return end()
    if (index < chunk.length) return Promise.resolve({ done: false, value: chunk[index++]! })
    if (pull === undefined && signal?.aborted) failure = { error: abortError(signal) }
    const fiber = failure === undefined ? runner.fork(pullChunk) : undefined
    if (fiber === undefined) {
      failure ??= { error: closedError() }
      return end()
    }
    waiting = fiber
    return new Promise((resolve) => {
      fiber.addObserver((exit) => {
        waiting = undefined
        if (Exit.isSuccess(exit) && closing === undefined) {
          chunk = exit.value
          index = 1
          observer.onChunk?.(chunk)
          return resolve({ done: false, value: chunk[0]! })
        }
        if (Exit.isFailure(exit) && closing === undefined) {
          const error = Cause.squash(exit.cause)
          if (!Cause.isDone(error)) failure = { error }
        }
        resolve(end())
      })
    })
  }

  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      if (reading === undefined && closing === undefined && index < chunk.length) {
        return Promise.resolve({ done: false, value: chunk[index++]! })
      }
      const result = reading === undefined ? read() : reading.then(read, read)
      const settle = () => {
        if (reading === result) reading = undefined
      }
      reading = result
      result.then(settle, settle)
      return result
    },
    async return() {
      await close({ error: leftError() })
      return { done: true, value: undefined }
    }
  }
}
