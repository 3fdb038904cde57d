/**
 * A call as a span, from its beginning to the end of its answer.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import type { Call, End } from "../CallObserver.ts"
import type { Following } from "./following.ts"
import { attributesOf, errorType, operationName, seconds, serverOf } from "./semanticConventions.ts"

/** Makes a span for a call, where there is a tracer. */
export const followWithSpan = Effect.fnUntraced(function* ({ chatId, operation }: Call): Effect.fn.Return<Following> {
  // Spans of Effect's own tracer go nowhere.
  if ((yield* Tracer.Tracer) === Tracer.nativeTracer) return { follower: {}, services: Context.empty() }

  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeNanosUnsafe()
  const began = now()
  const isStreamed = operation === "streamChat"
  const span = yield* Effect.makeSpan(operationName(operation), {
    kind: "client",
    attributes: {
      ...attributesOf(operation),
      ...(chatId !== undefined && { "gen_ai.conversation.id": chatId }),
      ...(isStreamed && { "gen_ai.request.stream": true })
    }
  })
  const annotate = (attributes: Record<string, unknown>): void => {
    for (const name in attributes) span.attribute(name, attributes[name])
  }
  let requests = 0
  let pieces = 0

  return {
    services: Context.make(Tracer.ParentSpan, span),
    follower: {
      onRequest(request) {
        // The search for a message of unknown fate has spans of its own below this one.
        if (request.operation !== operation) return
        const url = new URL(request.url)
        annotate({ "http.request.method": request.method, "url.template": url.pathname, ...serverOf(url) })
        if (requests > 0) annotate({ "http.request.resend_count": requests })
        requests++
      },
      onResponse(response) {
        if (response.operation === operation) annotate({ "http.response.status_code": response.status })
      },
      onRetry({ attempts, delay, error }) {
        const attributes = { "error.type": errorType(error), "weavai.attempts": attempts, "weavai.delay": delay / 1000 }
        span.event("weavai.retry", now(), attributes)
      },
      onPieces(next) {
        if (pieces === 0) {
          const time = now()
          span.event("weavai.first_piece", time)
          annotate({ "gen_ai.response.time_to_first_chunk": seconds(time - began) })
        }
        pieces += next.length
      },
      onEnd(end) {
        if (isStreamed) annotate({ "weavai.pieces": pieces })
        if (end.outcome === "failure") annotate({ "error.type": errorType(end.error) })
        span.end(now(), exitOf(end))
      }
    }
  }
})

/** Without what a call yielded: a tracer may keep it. */
const exitOf = (end: End): Exit.Exit<void, unknown> => {
  switch (end.outcome) {
    case "success":
      return Exit.void
    case "failure":
      return Exit.fail(end.error)
    case "interrupted":
      return Exit.interrupt()
  }
}
