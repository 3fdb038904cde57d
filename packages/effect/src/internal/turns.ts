/**
 * Requests that take turns: so many at a time, at a pace, fair between callers.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { setAlarm } from "./alarm.ts"
import { makeFairQueue } from "./fairQueue.ts"
import type { Pace } from "./pace.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** The turn of one request. */
export interface Turn {
  /** Waits until it has come. */
  readonly begun: Effect.Effect<void>
  /** When it came, in monotonic milliseconds, and how many came within the second up to it. */
  readonly since: number
  readonly rate: number
  /** Leaves the queue, or makes room for the next. May be called again. */
  readonly end: () => void
}

/** Makes a queue, and returns how a fiber lines up in it for one request. */
export const makeTurns = (maxInFlight: number, pace: Pace): ((caller: string, fiber: AnyFiber) => Turn) => {
  interface Waiting {
    readonly fiber: AnyFiber
    readonly begin: (now: number, rate: number) => void
  }
  const queue = makeFairQueue<Waiting>()
  let inFlight = 0
  let callOff: (() => void) | undefined
  let isAdmitting = false

  /** Begins all turns that have come; the first at the time for which an alarm was set, should it ring late. */
  const admit = (alarm?: number): void => {
    // Whom this wakes may end its turn before it returns: the loop goes on from there, and the stack does not grow.
    if (isAdmitting || callOff !== undefined) return
    isAdmitting = true
    try {
      for (let next = queue.peek(); next !== undefined && inFlight < maxInFlight; next = queue.peek()) {
        const now = monotonicMillis(next.fiber)
        const due = pace.due()
        if (due > now) {
          callOff = setAlarm(next.fiber, Duration.millis(Math.ceil(due - now)), () => {
            callOff = undefined
            admit(due)
          })
          return
        }
        queue.take()
        inFlight++
        next.begin(now, pace.spend(alarm ?? now))
        alarm = undefined
      }
    } finally {
      isAdmitting = false
    }
  }

  const makeRoom = (): void => {
    inFlight--
    admit()
  }

  const quitting = (leaveQueue: () => void) => (): void => {
    leaveQueue()
    if (queue.peek() !== undefined) return
    callOff?.()
    callOff = undefined
  }

  return (caller, fiber) => {
    let hasBegun = false
    let wake = nothing
    const turn = {
      since: 0,
      rate: 0,
      begun: Effect.callback<void>((resume) => {
        if (hasBegun) resume(Effect.void)
        else wake = () => resume(Effect.void)
      }),
      end() {
        const left = leave
        leave = nothing
        left()
      }
    }
    // A turn that has begun must not hold on to the fiber, whose exit may be the response: dropping that ends the turn.
    let leave = quitting(
      queue.add(caller, {
        fiber,
        begin(now, rate) {
          turn.since = now
          turn.rate = rate
          hasBegun = true
          leave = makeRoom
          wake()
          wake = nothing
        }
      })
    )
    admit()
    return turn
  }
}

const nothing = (): void => {}

/** Not the time of day, which may be set back. */
export const monotonicMillis = (fiber: AnyFiber): number =>
  Number(fiber.getRef(Clock.Clock).monotonicTimeNanosUnsafe()) / 1e6
