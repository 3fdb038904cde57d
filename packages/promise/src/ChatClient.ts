/**
 * The chat service for plain callers: promises and async iterables over the pipeline of `@weavai/effect`.
 */
import {
  type CallOptions,
  type ChatHistoryResponse,
  type ChatLogsResponse,
  ChatOperations,
  type ChatRequest,
  type ChatResponse,
  type GetChatHistoryRequest,
  type LogRow,
  WeavConfig,
  WeavConfigError
} from "@weavai/effect"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { type AnswerStream, makeAnswerStream } from "./AnswerStream.ts"
import { iterate } from "./internal/iterate.ts"
import { makeRunner } from "./internal/run.ts"

/** Time limits in milliseconds. Each that passes rejects with an `ApiError` whose reason is a `TimeoutError`. */
export interface Timeouts {
  /** From one attempt's request until the response's headers. Default 120,000: an unstreamed answer is written before them. */
  readonly firstByte?: number | undefined
  /** The whole of an unstreamed call, with all attempts and the pauses between them. Default 300,000. */
  readonly total?: number | undefined
  /** The longest wait for the next piece of a streamed answer; keep-alives do not count. Default 60,000. */
  readonly idle?: number | undefined
}

/**
 * When a request is sent again, pauses in milliseconds. Reads are, after transport errors, time limits and the statuses
 * 429, 502, 503 and 504; a message only where the service certainly did not take it.
 */
export interface Retry {
  /** How often a request is sent at most, the first time included. Default 3. */
  readonly maxAttempts?: number | undefined
  /** The longest first pause; it doubles with each attempt, and a pause is a random part of it. Default 500. */
  readonly baseDelay?: number | undefined
  /** The longest pause. Default 8,000. */
  readonly maxDelay?: number | undefined
  /** The longest `Retry-After` to wait for; beyond it the error comes back at once. Default 60,000. */
  readonly maxRetryAfter?: number | undefined
}

/** Settings of one call. */
export interface RequestOptions {
  /** Ends the call when it is aborted: the connection is closed and the promise rejects with an `AbortError`. */
  readonly signal?: AbortSignal | undefined
  /** Time limits; those left out stay as configured. */
  readonly timeouts?: Timeouts | undefined
  /** When a request is sent again, or `false` for never; what is left out stays as configured. */
  readonly retry?: Retry | false | undefined
  /** How long one event of a streamed answer may be, in characters. Default 10 MiB (10,485,760). */
  readonly maxEventLength?: number | undefined
  /** How long the body of an unstreamed response may be, in bytes. Default 100 MiB (104,857,600). */
  readonly maxBodyLength?: number | undefined
}

/** Settings of one streamed answer. */
export interface StreamOptions extends RequestOptions {
  /**
   * What the service puts into each event: `delta`, the next piece of the answer, or `snapshot`, the whole answer so
   * far. Either way the iterator yields deltas. Default `delta`.
   */
  readonly pieces?: "delta" | "snapshot" | undefined
}

/** What a client is made from. */
export interface ChatClientOptions extends Omit<RequestOptions, "signal"> {
  /**
   * `local` for a service on `http://localhost:7030`, or the environment's URL, e.g. `https://subdomain.weav.ai/`.
   * Default: the environment variable `WEAV_ENV`.
   */
  readonly env?: string | URL | undefined
  /**
   * The token without `Bearer `, or a function that yields one and is asked for each request (rotating credentials).
   * Default: the environment variable `WEAV_AUTH_TOKEN`.
   */
  readonly authToken?: string | (() => string | Promise<string>) | undefined
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

/** Which log rows to read. */
export interface LogsFilter {
  /** Rows from this moment on: a `Date` or an ISO 8601 string, read as UTC where it names no offset. */
  readonly startDatetime?: Date | string | null | undefined
  /** Rows up to this moment. */
  readonly endDatetime?: Date | string | null | undefined
  /** Rows of SOP chats instead of ordinary ones. Default `false`. */
  readonly isSopChat?: boolean | undefined
}

/** Which page of the log rows to read. */
export interface GetChatLogsRequest extends LogsFilter {
  /** How many rows to pass over: 0, the default, or more. */
  readonly skip?: number | undefined
  /** How many rows the page has at most: 1 or more, default 25. The service may return fewer. */
  readonly limit?: number | undefined
}

/** Which log rows to walk through. */
export interface ChatLogsRequest extends LogsFilter {
  /** How many rows to ask for in one request: 1 or more, default 100. The service may return fewer. */
  readonly pageSize?: number | undefined
  /** How many pages to fetch at a time: 1 or more, default 4. */
  readonly concurrency?: number | undefined
  /** The cursor of a row of an earlier walk with the same filter: this walk goes on behind that row. */
  readonly after?: string | undefined
}

/** The operations of the chat service. Every rejection is a `ChatError` or, after an abort, an `AbortError`. */
export interface ChatClient extends AsyncDisposable {
  /** Sends a message about a document and waits for the whole answer. */
  readonly chat: (request: ChatRequest, options?: RequestOptions) => Promise<ChatResponse>
  /** Sends a message about a document and yields the answer as it is written. Sent when reading begins. */
  readonly streamChat: (request: ChatRequest, options?: StreamOptions) => AnswerStream
  /** Reads the messages of one chat. */
  readonly getChatHistory: (request: GetChatHistoryRequest, options?: RequestOptions) => Promise<ChatHistoryResponse>
  /** Reads one page of the log rows of all chats: 25 rows from the first on, unless asked otherwise. */
  readonly getChatLogs: (request?: GetChatLogsRequest, options?: RequestOptions) => Promise<ChatLogsResponse>
  /**
   * Yields the log rows of all pages. Every row that was there at the start comes once; each carries a `cursor` from
   * which a later walk can go on.
   */
  readonly chatLogs: (request?: ChatLogsRequest, options?: RequestOptions) => AsyncIterable<LogRow>
  /** Ends what is running; calls after it reject. `await using` does the same. */
  readonly close: () => Promise<void>
}

/**
 * Creates a client. Throws a `WeavConfigError` that says what to change where an option cannot be used.
 *
 * @example
 * ```ts
 * import { createChatClient, NotFound } from "@weavai/promise"
 *
 * await using client = createChatClient({ env: "https://subdomain.weav.ai/", authToken: process.env.WEAV_AUTH_TOKEN })
 * try {
 *   const reply = await client.chat({ userInput: "What is the deductible?", chatId: "chat123", fileId: "file456" })
 *   console.log(reply.text)
 * } catch (error) {
 *   if (error instanceof NotFound) console.log("There is no such document.")
 *   else throw error
 * }
 * ```
 */
export const createChatClient = (options: ChatClientOptions = {}): ChatClient => {
  const runner = makeRunner(makeContext(options))
  const { close, run } = runner
  return {
    chat: (request, options) => run(ChatOperations.chat(request, callOptions(options)), options?.signal),
    streamChat: (request, options) =>
      makeAnswerStream(
        runner,
        ChatOperations.streamChat(request, { ...callOptions(options), pieces: options?.pieces }),
        options?.signal
      ),
    getChatHistory: (request, options) =>
      run(ChatOperations.getChatHistory(request, callOptions(options)), options?.signal),
    getChatLogs: (request, options) => run(ChatOperations.getChatLogs(request, callOptions(options)), options?.signal),
    chatLogs: (request, options) => ({
      [Symbol.asyncIterator]: () =>
        iterate(runner, ChatOperations.chatLogs(request, callOptions(options)), options?.signal)
    }),
    close,
    [Symbol.asyncDispose]: close
  }
}

const makeContext = (options: ChatClientOptions) => {
  const config = Effect.runSync(
    WeavConfig.make({
      ...options,
      env: options.env ?? fromEnvironment("env", "WEAV_ENV"),
      authToken: tokenSource(options.authToken ?? fromEnvironment("authToken", "WEAV_AUTH_TOKEN"))
    })
  )
  const context = Effect.runSync(Effect.scoped(Layer.build(FetchHttpClient.layer))).pipe(
    Context.add(WeavConfig, config)
  )
  return options.fetch === undefined ? context : Context.add(context, FetchHttpClient.Fetch, options.fetch)
}

const tokenSource = (authToken: string | (() => string | Promise<string>)) => {
  if (typeof authToken === "string") return Redacted.make(authToken)
  if (typeof authToken === "function") {
    return Effect.map(Effect.tryPromise({ try: async () => authToken(), catch: (error) => error }), (token) =>
      Redacted.make(token)
    )
  }
  throw new WeavConfigError({ option: "authToken", description: "must be a string or a function that yields one." })
}

const fromEnvironment = (option: string, name: string): string => {
  const value = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.[name]
  if (value !== undefined && value !== "") return value
  throw new WeavConfigError({ option, description: `is missing. Give it as an option or set ${name}.` })
}

const callOptions = (options: RequestOptions | undefined): CallOptions | undefined =>
  options && {
    timeouts: options.timeouts,
    retry: options.retry,
    maxEventLength: options.maxEventLength,
    maxBodyLength: options.maxBodyLength
  }
