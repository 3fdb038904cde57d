/**
 * The operations of the chat service. Each is a plain function; what it needs, configuration and an HTTP client, is
 * asked of the environment when it runs, so that both can be swapped for one call, one fiber or one application.
 *
 * @module
 * @example
 * ```ts
 * import { ChatOperations, ChatStream, WeavConfig } from "@weavai/effect"
 * import { Console, Effect, Redacted, Stream } from "effect"
 * import { FetchHttpClient } from "effect/http"
 *
 * const program = Effect.gen(function*() {
 *   const about = { chatId: "chat123", fileId: "file456" }
 *   const reply = yield* ChatOperations.chat({ ...about, userInput: "What is the deductible?" })
 *   yield* Console.log(reply.text, reply.searchResults)
 *   yield* ChatOperations.streamChat({ ...about, userInput: "And for hail?" }).pipe(
 *     ChatStream.text,
 *     Stream.runForEach((piece) => Console.log(piece))
 *   )
 * })
 *
 * const runnable = program.pipe(
 *   Effect.provide([
 *     WeavConfig.layer({ env: "https://subdomain.weav.ai/", authToken: Redacted.make("eyJhbGci…") }),
 *     FetchHttpClient.layer
 *   ])
 * )
 * ```
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ChatError, Operation } from "./ChatError.ts"
import type { ChatHistoryResponse } from "./ChatHistory.ts"
import type { ChatLogsResponse, LogRow } from "./ChatLogs.ts"
import type { ChatResponse } from "./ChatResponse.ts"
import { readAnswer, readJson } from "./internal/body.ts"
import { chatCall, historyCall, logsCall } from "./internal/calls.ts"
import { beginning, type Call, type HttpClient, type Reply, send, text, timeoutError } from "./internal/http.ts"
import { parseCursor } from "./internal/logsCursor.ts"
import { walkLogs } from "./internal/logsWalk.ts"
import { observed } from "./internal/observer.ts"
import { reconciled } from "./internal/reconcile.ts"
import { withRetry } from "./internal/retry.ts"
import { readChatHistoryResponse, readChatLogsResponse, readChatResponse } from "./internal/readers.ts"
import { invalidRequest, validChat, validHistory, validLogs, validWalk } from "./internal/validate.ts"
import { within } from "./internal/within.ts"
import * as Requests from "./Requests.ts"
import { type CallOptions, override, WeavConfig } from "./WeavConfig.ts"

/** Settings of a message. */
export interface ChatOptions extends CallOptions {
  /**
   * What to do where the message may have arrived though its answer did not, as after a cut connection: `fail`, the
   * default, or `reconcile`, which looks for the message in the chat's history. Its answer is returned if it is there,
   * and waited for, within `timeouts.total`, if it is not there yet. A message that did not arrive is sent again, as
   * often as the retry policy allows. Otherwise the call fails with what it failed with, and `messageArrived` says what
   * is known.
   *
   * The limits: the message is known by its text and its time, by the service's clock (the `Date` of its response, which
   * a service has to expose to browsers). The same text sent to the same chat by somebody else in the two seconds before
   * or any time after is taken for it. It counts as not arrived where the history, read twice half a second apart, lacks
   * it or the chat: a service that records a message later than that, or changes its text, gets it twice. The answer has
   * no `generateButton`, and only those `searchResults` that are passages.
   */
  readonly onUncertain?: "fail" | "reconcile" | undefined
}

/** Settings of a streamed answer. */
export interface StreamChatOptions extends CallOptions {
  /**
   * What the service puts into each event: `delta`, the next piece of the answer, or `snapshot`, the whole answer so
   * far. Either way the stream yields deltas. Default `delta`.
   */
  readonly pieces?: "delta" | "snapshot" | undefined
}

/**
 * Reads one page of the log rows of all chats: 25 rows from the first on, unless asked otherwise.
 *
 * Fails with `Unauthorized` or `ApiError`. To read them all, use {@link chatLogs}.
 */
export const getChatLogs = (
  request: Requests.GetChatLogsRequest = {},
  options?: CallOptions
): Effect.Effect<ChatLogsResponse, ChatError, WeavConfig | HttpClient> =>
  validLogs(request).pipe(
    Effect.flatMap(({ endDatetime, limit = 25, skip = 0, ...filter }) =>
      exchange(logsCall(filter, skip, limit, Requests.toQueryDate(endDatetime)), options, (reply) =>
        readJson(reply, readChatLogsResponse)
      )
    ),
    observed("getChatLogs", request)
  )

/** Reads the messages of one chat. Fails with `NotFound` where there is no such chat. */
export const getChatHistory = (
  request: Requests.GetChatHistoryRequest,
  options?: CallOptions
): Effect.Effect<ChatHistoryResponse, ChatError, WeavConfig | HttpClient> =>
  validHistory(request).pipe(
    Effect.flatMap(({ chatId }) =>
      exchange(historyCall(chatId), options, (reply) => readJson(reply, readChatHistoryResponse))
    ),
    observed("getChatHistory", request)
  )

/**
 * Sends a message about a document and waits for the whole answer.
 *
 * Fails with `NotFound` where there is no such document. A message is sent again only where the service certainly did
 * not take it. After a cut connection or a time limit, say, it may have: the error's `messageArrived` is `unknown` then,
 * unless the call was asked to look ({@link ChatOptions}).
 *
 * @example
 * ```ts
 * import { ChatOperations } from "@weavai/effect"
 *
 * const reply = ChatOperations.chat(
 *   { userInput: "What is the deductible?", chatId: "chat123", fileId: "file456" },
 *   { onUncertain: "reconcile" }
 * )
 * ```
 */
export const chat = (
  request: Requests.ChatRequest,
  options?: ChatOptions
): Effect.Effect<ChatResponse, ChatError, WeavConfig | HttpClient> =>
  validChat("chat", request).pipe(
    Effect.flatMap((message) => {
      const onUncertain = options?.onUncertain ?? "fail"
      if (onUncertain !== "fail" && onUncertain !== "reconcile") {
        return Effect.fail(invalidRequest("chat", [{ field: "onUncertain", message: 'must be "fail" or "reconcile"' }]))
      }
      return exchange(
        chatCall("chat", message, false),
        options,
        (reply) => readJson(reply, readChatResponse),
        onUncertain === "reconcile" ? reconciled(message) : undefined
      )
    }),
    observed("chat", request)
  )

/**
 * Sends a message about a document and yields the answer piece by piece, as the service writes it.
 *
 * The request is sent when the stream is run, and the connection is closed when the stream ends or is left. The stream
 * fails with `ApiError` and the reason `StreamInterrupted`, which holds the answer so far, when it breaks off before
 * its end; what had arrived by then is emitted first. `ChatStream.text` and `ChatStream.collect` read it.
 */
export const streamChat = (
  request: Requests.ChatRequest,
  options?: StreamChatOptions
): Stream.Stream<ChatResponse, ChatError, WeavConfig | HttpClient> =>
  validChat("streamChat", request).pipe(
    Effect.flatMap((message) =>
      Effect.flatMap(configFor("streamChat", options), (config) => {
        const call = chatCall("streamChat", message, true)
        const progress = beginning()
        return Effect.flatMap(withRetry(send(config, call, progress), call, config, progress), (reply) =>
          readAnswer(reply, options?.pieces ?? "delta", progress)
        )
      })
    ),
    observed("streamChat", request),
    Stream.unwrap
  )

/**
 * Yields the log rows of all pages, in the service's order.
 *
 * Up to `concurrency` pages are fetched ahead of the reader. Rows that arrive while walking stay out of it: every row
 * that was there at the start comes once. Each row carries a `cursor` from which a later walk can go on. Fails with
 * `InvalidResponse` where the service's pages do not move forward, or hold fewer rows than it promised.
 *
 * @example
 * ```ts
 * import { ChatOperations } from "@weavai/effect"
 * import { Effect, Stream } from "effect"
 *
 * const exportRows = (after?: string) =>
 *   ChatOperations.chatLogs({ startDatetime: "2023-01-01T00:00:00Z", after }).pipe(
 *     Stream.runForEach((row) => Effect.log(row.text, row.cursor))
 *   )
 * ```
 */
export const chatLogs = (
  request: Requests.ChatLogsRequest = {},
  options?: CallOptions
): Stream.Stream<LogRow, ChatError, WeavConfig | HttpClient> =>
  Stream.unwrap(
    Effect.map(validWalk(request), ({ after, concurrency = 4, endDatetime, pageSize = 100, ...filter }) =>
      walkLogs({
        fetch: (skip, limit, end) =>
          exchange(logsCall(filter, skip, limit, end), options, (reply) =>
            Effect.map(text(reply), (body) => ({ reply, body }))
          ).pipe(observed("getChatLogs", request)),
        pageSize,
        concurrency,
        end: Requests.toQueryDate(endDatetime),
        after: parseCursor(after)
      })
    )
  )

/** Sends a call and reads its reply, within the limit on the whole of it. */
const exchange = <A>(
  call: Call,
  options: CallOptions | undefined,
  read: (reply: Reply) => Effect.Effect<A, ChatError>,
  settle?: (attempt: Attempt<A>, config: WeavConfig["Service"]) => Attempt<A>
): Effect.Effect<A, ChatError, WeavConfig | HttpClient> =>
  Effect.flatMap(configFor(call.operation, options), (config) => {
    const progress = beginning()
    const attempt = Effect.flatMap(send(config, call, progress), read)
    const settled = settle === undefined ? attempt : settle(attempt, config)
    return within(withRetry(settled, call, config, progress), config.timeouts.total, () =>
      timeoutError(call.operation, config.timeouts, "total", progress)
    )
  })

type Attempt<A> = Effect.Effect<A, ChatError, HttpClient>

const configFor = (operation: Operation, options: CallOptions | undefined) =>
  Effect.flatMap(WeavConfig, (config) =>
    options === undefined
      ? Effect.succeed(config)
      : Effect.mapError(override(config, options), (error) =>
          invalidRequest(operation, [{ field: error.option, message: error.description }])
        )
  )
