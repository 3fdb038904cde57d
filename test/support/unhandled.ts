import { afterEach, beforeEach, expect } from "@effect/vitest"
import { setImmediate } from "node:timers/promises"

/** Fails each test of this file after which a rejected promise is left that nobody handles. */
export const expectNoUnhandledRejections = (): void => {
  let unhandled: Array<unknown> = []
  const onUnhandled = (error: unknown) => unhandled.push(error)
  beforeEach(() => {
    unhandled = []
    process.on("unhandledRejection", onUnhandled)
  })
  afterEach(async () => {
    // Node reports them when the microtasks have run.
    await setImmediate()
    process.off("unhandledRejection", onUnhandled)
    expect(unhandled).toEqual([])
  })
}
