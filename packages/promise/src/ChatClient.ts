/**
 * The chat service for plain callers: promises and async iterables over the pipeline of `@weavai/effect`.
 */
import { context as observing } from "@weavai/effect/CallObserver"
import * as ChatOperations from "@weavai/effect/ChatOperations"
import * as RequestLimit from "@weavai/effect/RequestLimit"
import { type CallOptions, WeavConfig } from "@weavai/effect/WeavConfig"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type { HttpClient } from "effect/http/HttpClient"
import type { AnswerStream } from "./AnswerStream.ts"
import { WeavConfigError } from "./ChatError.ts"
import type { ChatHistoryResponse } from "./ChatHistory.ts"
import type { ChatLogsResponse, LogRow } from "./ChatLogs.ts"
import type { ChatResponse } from "./ChatResponse.ts"
import { makeAnswerStream } from "./internal/answerStream.ts"
import { observerOf } from "./internal/hooks.ts"
import { iterate } from "./internal/iterate.ts"
import { withLastResponse } from "./internal/lastResponse.ts"
import { makeRunner } from "./internal/run.ts"
import type { RequestHooks } from "./RequestHooks.ts"
import type { ChatLogsRequest, ChatRequest, GetChatHistoryRequest, GetChatLogsRequest } from "./Requests.ts"
import type { ResponsePromise } from "./ResponsePromise.ts"

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
  /** On whose behalf a request is sent: callers that wait for the client's `limits` take turns. Default: all are one. */
  readonly caller?: string | undefined
}

/** Settings of one message. */
export interface ChatOptions extends RequestOptions {
  /**
   * What to do where the message may have arrived though its answer did not, as after a cut connection: `fail`, the
   * default, or `reconcile`, which looks for the message in the chat's history. Its answer is returned if it is there,
   * and waited for, within `timeouts.total`, if it is not there yet. A message that did not arrive is sent again, as
   * often as `retry` allows. Otherwise the call rejects with what it failed with, and `messageArrived` says what is
   * known.
   *
   * The limits: the message is known by its text and its time, by the service's clock (the `Date` of its response, which
   * a service has to expose to browsers). The same text sent to the same chat by somebody else in the two seconds before
   * or any time after is taken for it. It counts as not arrived where the history, read twice half a second apart, lacks
   * it or the chat: a service that records a message later than that, or changes its text, gets it twice. The answer has
   * no `generateButton`, and only those `searchResults` that are passages.
   */
  readonly onUncertain?: "fail" | "reconcile" | undefined
}

/** Settings of one streamed answer. */
export interface StreamOptions extends RequestOptions {
  /**
   * What the service puts into each event: `delta`, the next piece of the answer, or `snapshot`, the whole answer so
   * far. Either way the iterator yields deltas. Default `delta`.
   */
  readonly pieces?: "delta" | "snapshot" | undefined
}

/**
 * A limit on the requests that a client sends. Those that wait count towards `timeouts.total`. A 429 or 503 with a
 * `Retry-After` keeps back all of them for that long; a 429 without one halves the rate for a while.
 */
export interface Limits {
  /**
   * How many requests are in flight at most, from being sent until their response has been read: a streamed answer for
   * as long as it streams. Default: no limit.
   */
  readonly maxInFlight?: number | undefined
  /** How many requests are sent a second at most, evenly spaced; may be a fraction. Default: no limit. */
  readonly perSecond?: number | undefined
  /** How many of them may be sent at once after a quiet time. Default 1. */
  readonly burst?: number | undefined
  /** The longest pause that a `Retry-After` makes for all requests, in milliseconds. Default 60,000. */
  readonly maxPause?: number | undefined
}

/** What a client is made from. */
export interface ChatClientOptions extends Omit<RequestOptions, "signal" | "caller">, RequestHooks {
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
  /** A limit on the client's requests. Default: none. */
  readonly limits?: Limits | undefined
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

/** The operations of the chat service. Every rejection is a `ChatError` or, after an abort, an `AbortError`. */
export interface ChatClient extends AsyncDisposable {
  /** Sends a message about a document and waits for the whole answer. */
  readonly chat: (request: ChatRequest, options?: ChatOptions) => ResponsePromise<ChatResponse>
  /** Sends a message about a document and yields the answer as it is written. Sent when reading begins. */
  readonly streamChat: (request: ChatRequest, options?: StreamOptions) => AnswerStream
  /** Reads the messages of one chat. */
  readonly getChatHistory: (
    request: GetChatHistoryRequest,
    options?: RequestOptions
  ) => ResponsePromise<ChatHistoryResponse>
  /** Reads one page of the log rows of all chats: 25 rows from the first on, unless asked otherwise. */
  readonly getChatLogs: (request?: GetChatLogsRequest, options?: RequestOptions) => ResponsePromise<ChatLogsResponse>
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
  const { fetch = (...request) => globalThis.fetch(...request) } = options
  const runner = makeRunner(Context.add(makeContext(options), FetchHttpClient.Fetch, fetch))
  const { close, run } = runner

  const call = <A, E>(operation: Operation<A, E>, options: RequestOptions | undefined): ResponsePromise<A> => {
    const { response, ...last } = withLastResponse(fetch)
    const data = run(Effect.provideContext(operation, contextOf(last.fetch, options)), options?.signal)
    return Object.assign(data, { withResponse: async () => ({ data: await data, response: await response() }) })
  }

  return {
    chat: (request, options) =>
      call(
        ChatOperations.chat(request, options && { ...callOptions(options), onUncertain: options.onUncertain }),
        options
      ),
    streamChat(request, options) {
      const { response, ...last } = withLastResponse(fetch)
      const pieces = ChatOperations.streamChat(request, { ...callOptions(options), pieces: options?.pieces }).pipe(
        Stream.provideContext(contextOf(last.fetch, options))
      )
      return makeAnswerStream((observer) => iterate(runner, pieces, options?.signal, observer), response)
    },
    getChatHistory: (request, options) => call(ChatOperations.getChatHistory(request, callOptions(options)), options),
    getChatLogs: (request, options) => call(ChatOperations.getChatLogs(request, callOptions(options)), options),
    chatLogs(request, options) {
      const rows = ChatOperations.chatLogs(request, callOptions(options)).pipe(
        Stream.provideContext(contextOf(fetch, options))
      )
      return { [Symbol.asyncIterator]: () => iterate(runner, rows, options?.signal) }
    },
    close,
    [Symbol.asyncDispose]: close
  }
}

type Operation<A, E> = Effect.Effect<A, E, WeavConfig | HttpClient>

const contextOf = (fetch: typeof globalThis.fetch, options: RequestOptions | undefined) =>
  Context.add(Context.make(FetchHttpClient.Fetch, fetch), RequestLimit.Caller, options?.caller ?? "")

const makeContext = (options: ChatClientOptions) => {
  const config = Effect.runSync(
    WeavConfig.make({
      ...options,
      env: options.env ?? fromEnvironment("env", "WEAV_ENV"),
      authToken: tokenSource(options.authToken ?? fromEnvironment("authToken", "WEAV_AUTH_TOKEN"))
    })
  )
  const client =
    options.limits === undefined
      ? FetchHttpClient.layer
      : Layer.provide(RequestLimit.layer(options.limits), FetchHttpClient.layer)
  const context = Effect.runSync(Effect.scoped(Layer.build(client))).pipe(Context.add(WeavConfig, config))
  const observer = observerOf(options)
  return observer === undefined ? context : Context.merge(context, observing(observer))
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
