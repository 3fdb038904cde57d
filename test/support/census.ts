/**
 * Counts what a run may leave behind in this process: timers that are set, and fibers that wait.
 */
import { afterAll, beforeAll } from "@effect/vitest"
import { type AsyncHook, createHook } from "node:async_hooks"

export interface Census {
  /**
   * How long the timers that are set take, in milliseconds. Not among them are those that do not keep the process
   * alive, with which undici looks after its connections.
   */
  readonly timers: () => ReadonlyArray<number>
  /** How many fibers wait for something, wherever they were started. */
  readonly fibers: () => number
  /** Called each time that a fiber begins to wait, once it does. */
  onWait: () => void
}

/** Takes the census while the tests of this file run. */
export const takeCensus = (): Census => {
  const timers = new Map<NodeJS.Timeout, number>()
  // Effect makes such a resource when a fiber begins to wait, and runs it when the fiber goes on.
  const waiting = new Set<number>()
  const census: Census = {
    timers: () => Array.from(timers).flatMap(([timer, millis]) => (timer.hasRef() ? [millis] : [])),
    fibers: () => waiting.size,
    onWait() {}
  }
  const { clearTimeout, setTimeout } = globalThis
  let hook: AsyncHook

  beforeAll(() => {
    hook = createHook({
      init(id, type) {
        if (type !== "effect/Fiber") return
        waiting.add(id)
        queueMicrotask(() => census.onWait())
      },
      before: (id) => void waiting.delete(id)
    }).enable()
    globalThis.setTimeout = Object.assign(
      (run: (...args: Array<unknown>) => void, millis = 0, ...args: Array<unknown>) => {
        const timer = setTimeout(() => {
          timers.delete(timer)
          run(...args)
        }, millis)
        timers.set(timer, millis)
        return timer
      },
      setTimeout
    )
    globalThis.clearTimeout = (timer) => {
      timers.delete(timer as NodeJS.Timeout)
      clearTimeout(timer)
    }
  })
  afterAll(() => {
    hook.disable()
    Object.assign(globalThis, { clearTimeout, setTimeout })
  })
  return census
}
