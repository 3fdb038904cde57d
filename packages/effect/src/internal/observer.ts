/**
 * Who follows calls: nobody, unless a layer says so. This is all that a call knows of it, so that it costs nothing then.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Follower as CallFollower } from "../CallObserver.ts"
import type { Operation } from "../ChatError.ts"

/** Runs a call as it is, and follows it from its beginning to its end. */
export type Observe = <A, E, R>(
  operation: Operation,
  request: unknown,
  call: Effect.Effect<A, E, R>
) => Effect.Effect<A, E, R>

/** Who is told that a call begins. */
export const Observer = Context.Reference<Observe | undefined>("@weavai/effect/Observer", {
  defaultValue: () => undefined
})

/** Who follows the call that runs. */
export const Follower = Context.Reference<CallFollower | undefined>("@weavai/effect/Follower", {
  defaultValue: () => undefined
})

/** Lets a call be followed. */
export const observed =
  (operation: Operation, request: unknown) =>
  <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => fiber.getRef(Observer)?.(operation, request, call) ?? call)
