/**
 * The operations of the chat service. Each is a plain function; what it needs, configuration and an HTTP client, is
 * asked of the environment when it runs, so that both can be swapped for one call, one fiber or one application.
 *
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
import type { Pieces } from "./internal/answerDecoder.ts"
import { readAnswer, readJson } from "./internal/body.ts"
import { type Call, type HttpClient, type Reply, send, text, timeoutError } from "./internal/http.ts"
import { parseCursor } from "./internal/logsCursor.ts"
import { walkLogs } from "./internal/logsWalk.ts"
import { withRetry } from "./internal/retry.ts"
import { traced } from "./internal/traced.ts"
import { readChatHistoryResponse, readChatLogsResponse, readChatResponse } from "./internal/readers.ts"
import { invalidRequest, validChat, validHistory, validLogs, validWalk } from "./internal/validate.ts"
import { within } from "./internal/within.ts"
import * as Requests from "./Requests.ts"
import { type CallOptions, override, WeavConfig } from "./WeavConfig.ts"

/** Settings of a streamed answer. */
export interface StreamChatOptions extends CallOptions {
  /**
   * What the service puts into each event: `delta`, the next piece of the answer, or `snapshot`, the whole answer so
   * far. Either way the stream yields deltas. Default `delta`.
   */
  readonly pieces?: Pieces | undefined
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
    traced("ChatOperations.getChatLogs")
  )

/** Reads the messages of one chat. Fails with `NotFound` where there is no such chat. */
export const getChatHistory = (
  request: Requests.GetChatHistoryRequest,
  options?: CallOptions
): Effect.Effect<ChatHistoryResponse, ChatError, WeavConfig | HttpClient> =>
  validHistory(request).pipe(
    Effect.flatMap(({ chatId }) => {
      const query = new URLSearchParams({ chat_id: chatId })
      return exchange(get("getChatHistory", `/chat_history?${encode(query)}`), options, (reply) =>
        readJson(reply, readChatHistoryResponse)
      )
    }),
    traced("ChatOperations.getChatHistory")
  )

/**
 * Sends a message about a document and waits for the whole answer.
 *
 * Fails with `NotFound` where there is no such document. A message is sent again only where the service certainly did
 * not take it: after a `TransportError` or a `TimeoutError` it may have; {@link getChatHistory} shows whether it did.
 */
export const chat = (
  request: Requests.ChatRequest,
  options?: CallOptions
): Effect.Effect<ChatResponse, ChatError, WeavConfig | HttpClient> =>
  validChat("chat", request).pipe(
    Effect.flatMap((message) =>
      exchange(post("chat", message, false), options, (reply) => readJson(reply, readChatResponse))
    ),
    traced("ChatOperations.chat")
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
        const call = post("streamChat", message, true)
        return withRetry(send(config, call), call, config)
      })
    ),
    Effect.flatMap((reply) => readAnswer(reply, options?.pieces ?? "delta")),
    traced("ChatOperations.streamChat"),
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
          ).pipe(traced("ChatOperations.getChatLogs")),
        pageSize,
        concurrency,
        end: Requests.toQueryDate(endDatetime),
        after: parseCursor(after)
      })
    )
  )

const get = (operation: Operation, path: string): Call => ({
  operation,
  method: "GET",
  path,
  accept: "application/json"
})

const post = (operation: Operation, request: Requests.ChatRequest, stream: boolean): Call => ({
  operation,
  method: "POST",
  path: "/chat",
  json: { user_input: request.userInput, file_id: request.fileId, chat_id: request.chatId, stream },
  accept: stream ? "text/event-stream, application/x-ndjson;q=0.9, application/json;q=0.8" : "application/json"
})

const logsCall = (
  { isSopChat = false, startDatetime }: Requests.LogsFilter,
  skip: number,
  limit: number,
  end: string | undefined
): Call => {
  const query = new URLSearchParams({ skip: `${skip}`, limit: `${limit}` })
  const start = Requests.toQueryDate(startDatetime)
  if (start !== undefined) query.set("start_datetime", start)
  if (end !== undefined) query.set("end_datetime", end)
  query.set("is_sop_chat", `${isSopChat}`)
  return get("getChatLogs", `/chat_logs/?${encode(query)}`)
}

/** Sends a call and reads its reply, within the limit on the whole of it. */
const exchange = <A>(
  call: Call,
  options: CallOptions | undefined,
  read: (reply: Reply) => Effect.Effect<A, ChatError>
): Effect.Effect<A, ChatError, WeavConfig | HttpClient> =>
  Effect.flatMap(configFor(call.operation, options), (config) =>
    within(withRetry(Effect.flatMap(send(config, call), read), call, config), config.timeouts.total, () =>
      timeoutError(call.operation, config.timeouts, "total")
    )
  )

const configFor = (operation: Operation, options: CallOptions | undefined) =>
  Effect.flatMap(WeavConfig, (config) =>
    options === undefined
      ? Effect.succeed(config)
      : Effect.mapError(override(config, options), (error) =>
          invalidRequest(operation, [{ field: error.option, message: error.description }])
        )
  )

/** Spaces as `%20`: form encoding's `+` is read as a plus sign by some gateways. */
const encode = (query: URLSearchParams): string => query.toString().replaceAll("+", "%20")
