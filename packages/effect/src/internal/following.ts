/**
 * Following a call from its beginning to its end.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { Call, End, Follower } from "../CallObserver.ts"
import type { ChatResponse } from "../ChatResponse.ts"
import * as Observer from "./observer.ts"

/** Who follows a call, and in which context it runs. */
export interface Following {
  readonly follower: Follower
  /** What the call finds besides what is there already. */
  readonly services: Context.Context<never>
}

/** Runs calls so that each is followed by whom `begin` names when it begins. */
export const observing =
  (begin: (call: Call) => Effect.Effect<Following>): Observer.Observe =>
  <A, E, R>(operation: Call["operation"], request: unknown, call: Effect.Effect<A, E, R>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(begin({ operation, chatId: chatIdOf(request) }), ({ follower, services }) => {
        const followed = Effect.updateContext(restore(call), (context: Context.Context<R>) =>
          Context.add(Context.merge(context, services), Observer.Follower, follower)
        )
        let isOver = false
        const end = (exit: Exit.Exit<unknown, unknown>) =>
          Effect.sync(() => {
            if (isOver) return
            isOver = true
            follower.onEnd?.(endOf(exit))
          })
        return operation === "streamChat"
          ? (followStream(followed as never, follower, end) as Effect.Effect<A, E, R>)
          : Effect.onExit(followed, end)
      })
    )

/** Follows a call to the end of the stream that it yields: its own end, or the one that the scope puts to it. */
const followStream = <E, R>(
  call: Effect.Effect<Stream.Stream<ChatResponse, E>, E, R>,
  follower: Follower,
  end: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
) => {
  const answer = Effect.map(call, (stream) =>
    Stream.transformPull(stream, (pull) =>
      Effect.succeed(
        pull.pipe(
          Effect.tap((pieces) => Effect.sync(() => follower.onPieces?.(pieces))),
          Effect.tapCause((cause) => end(Pull.doneExitFromCause(cause)))
        )
      )
    )
  )
  // Where the stream does not come to its end, its reader leaves it.
  return Effect.andThen(
    Effect.addFinalizer(() => end(Exit.interrupt())),
    Effect.onError(answer, (cause) => end(Exit.failCause(cause)))
  )
}

const endOf = (exit: Exit.Exit<unknown, unknown>): End => {
  if (Exit.isSuccess(exit)) return { outcome: "success" }
  return Cause.hasInterruptsOnly(exit.cause)
    ? { outcome: "interrupted" }
    : { outcome: "failure", error: Cause.squash(exit.cause) }
}

/** A request may be anything until it has been checked. */
const chatIdOf = (request: unknown): string | undefined => {
  const { chatId } = (request ?? {}) as { readonly chatId?: unknown }
  return typeof chatId === "string" ? chatId : undefined
}
