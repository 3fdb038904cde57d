/**
 * Spans, metrics and logs of calls, by OpenTelemetry's conventions for HTTP and generative AI.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Call } from "./CallObserver.ts"
import { followWithLogs } from "./internal/callLogs.ts"
import { followWithMetrics } from "./internal/callMetrics.ts"
import { followWithSpan } from "./internal/callSpan.ts"
import { type Following, observing } from "./internal/following.ts"
import { Observer } from "./internal/observer.ts"

/**
 * Follows calls with telemetry; without this layer there is none, and none to pay for. The text of messages and answers
 * stays out of all of it, and so does the token.
 *
 * - **Spans**, where a tracer is installed: one of the kind `client` for each call, with all its attempts below it. It is
 *   named by the operation, `chat`, `get_chat_history` or `get_chat_logs`, and lasts until the answer is read, a streamed
 *   one with the event `weavai.first_piece`; each attempt after the first is announced by an event `weavai.retry`. A
 *   failure's `error.type` is the tag of the error, of an `ApiError` that of its reason.
 * - **Metrics**, in seconds: `gen_ai.client.operation.duration` and `gen_ai.client.operation.time_to_first_chunk`; counts:
 *   `weavai.client.requests`, `weavai.client.retries` and `weavai.client.pieces`. By operation, server, `error.type`, and
 *   `weavai.outcome`: `success`, `failure`, or `interrupted` for what its caller gave up or left early.
 * - **Logs** that are written within a call, by a token source, say, are annotated with `operation`, `chatId` and
 *   `attempt`. A retry is logged at the level `Debug`.
 *
 * Trace headers are not sent, unless `propagateTrace` in `WeavConfig` asks for them.
 *
 * @example
 * ```ts
 * import { ChatOperations, Telemetry, WeavConfig } from "@weavai/effect"
 * import { Effect, Layer } from "effect"
 * import { FetchHttpClient } from "effect/http"
 * import { Otlp } from "effect/observability"
 *
 * const Observability = Layer.merge(
 *   Telemetry.layer,
 *   Otlp.layerJson({ baseUrl: "http://localhost:4318", resource: { serviceName: "underwriting" } })
 * )
 *
 * const runnable = ChatOperations.getChatHistory({ chatId: "chat123" }).pipe(
 *   Effect.provide([WeavConfig.layerConfig(), Observability.pipe(Layer.provideMerge(FetchHttpClient.layer))])
 * )
 * ```
 */
export const layer: Layer.Layer<never> = Layer.succeed(
  Observer,
  observing((call) => follow(call))
)

const follow = Effect.fnUntraced(function* (call: Call): Effect.fn.Return<Following> {
  const span = yield* followWithSpan(call)
  const inSpan = Effect.provide(span.services)
  return together([span, yield* inSpan(followWithMetrics(call)), yield* inSpan(followWithLogs(call))])
})

/** All who follow a call, as one. */
const together = (followings: ReadonlyArray<Following>): Following => ({
  services: Context.mergeAll(...followings.map(({ services }) => services)),
  follower: {
    onRequest: (request) => followings.forEach(({ follower }) => follower.onRequest?.(request)),
    onResponse: (response) => followings.forEach(({ follower }) => follower.onResponse?.(response)),
    onRetry: (retry) => followings.forEach(({ follower }) => follower.onRetry?.(retry)),
    onPieces: (pieces) => followings.forEach(({ follower }) => follower.onPieces?.(pieces)),
    onEnd: (end) => followings.forEach(({ follower }) => follower.onEnd?.(end))
  }
})
