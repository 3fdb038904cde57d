/**
 * Calls in numbers.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { Call } from "../CallObserver.ts"
import type { Following } from "./following.ts"
import { attributesOf, errorType, seconds, serverOf } from "./semanticConventions.ts"

/** Counts and times a call. */
export const followWithMetrics = Effect.fnUntraced(function* ({ operation }: Call): Effect.fn.Return<Following> {
  const context = yield* Effect.context<never>()
  const clock = yield* Clock.Clock
  const began = clock.currentTimeNanosUnsafe()
  const elapsed = () => seconds(clock.currentTimeNanosUnsafe() - began)
  let attributes: Record<string, string> = attributesOf(operation)
  let requests = 0
  let retries = 0
  let pieces = 0
  const record = (metric: Metric.Metric<number, unknown>, value: number): void =>
    Metric.withAttributes(metric, attributes).updateUnsafe(value, context)

  return {
    services: Context.empty(),
    follower: {
      onRequest({ url }) {
        requests++
        const server = serverOf(new URL(url))
        attributes = { ...attributes, ...server, "server.port": `${server["server.port"]}` }
      },
      onRetry() {
        retries++
      },
      onPieces(next) {
        if (pieces === 0) record(timeToFirstPiece, elapsed())
        pieces += next.length
      },
      onEnd(end) {
        attributes = { ...attributes, "weavai.outcome": end.outcome }
        if (end.outcome === "failure") attributes = { ...attributes, "error.type": errorType(end.error) }
        record(duration, elapsed())
        if (requests > 0) record(sentRequests, requests)
        if (retries > 0) record(sentRetries, retries)
        if (pieces > 0) record(receivedPieces, pieces)
      }
    }
  }
})

/** In seconds: the boundaries that the convention sets. */
const boundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]

const duration = Metric.histogram("gen_ai.client.operation.duration", {
  description: "How long calls took, to the end of their answers.",
  attributes: { unit: "s" },
  boundaries
})

const timeToFirstPiece = Metric.histogram("gen_ai.client.operation.time_to_first_chunk", {
  description: "How long the first pieces of streamed answers took, from the beginning of the call.",
  attributes: { unit: "s" },
  boundaries
})

const sentRequests = Metric.counter("weavai.client.requests", {
  description: "Requests that were sent.",
  attributes: { unit: "{request}" },
  incremental: true
})

const sentRetries = Metric.counter("weavai.client.retries", {
  description: "Attempts that were made after another had failed.",
  attributes: { unit: "{retry}" },
  incremental: true
})

const receivedPieces = Metric.counter("weavai.client.pieces", {
  description: "Pieces of streamed answers that arrived.",
  attributes: { unit: "{piece}" },
  incremental: true
})
