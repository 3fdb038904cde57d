/**
 * Logs that say to which call they belong.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type { Call } from "../CallObserver.ts"
import type { Following } from "./following.ts"
import { errorType } from "./semanticConventions.ts"

/** Annotates what is logged while a call runs, and logs what is tried again. */
export const followWithLogs = Effect.fnUntraced(function* ({ chatId, operation }: Call): Effect.fn.Return<Following> {
  const annotations = {
    ...(yield* References.CurrentLogAnnotations),
    operation,
    ...(chatId !== undefined && { chatId }),
    // Counted up in place: it is read when something is logged.
    attempt: 1
  }
  const services = Context.make(References.CurrentLogAnnotations, annotations)
  const run = Effect.runForkWith(Context.merge(yield* Effect.context<never>(), services))

  return {
    services,
    follower: {
      onRetry({ attempts, delay, error }) {
        run(Effect.logDebug(`${errorType(error)}: sent again in ${Math.round(delay)} ms`))
        annotations.attempt = attempts + 1
      }
    }
  }
})
