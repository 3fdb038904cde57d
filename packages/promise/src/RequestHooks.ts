/**
 * Watching the requests of a client, to log or to count them.
 */
import type { ChatError, Operation } from "./ChatError.ts"

/**
 * Functions that a client calls as its requests go on. They are not waited for, and what one throws does not disturb the
 * call: it goes where the errors of event listeners go, to `window.onerror` or Node's `uncaughtException`.
 *
 * @example
 * ```ts
 * import { createChatClient } from "@weavai/promise"
 *
 * const client = createChatClient({
 *   env: "https://subdomain.weav.ai/",
 *   onResponse: ({ durationMs, operation, status }) => console.log(`${operation}: ${status} after ${durationMs} ms`),
 *   onRetry: ({ attempt, error, operation }) => console.warn(`${operation}: attempt ${attempt} failed: ${error.message}`),
 *   onEnd: ({ error }) => error && console.error(error)
 * })
 * ```
 */
export interface RequestHooks {
  /** Called when a request is sent. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined
  /** Called when the head of a response is there, whatever its status; its body is read afterwards. */
  readonly onResponse?: ((event: ResponseEvent) => void) | undefined
  /** Called when a request failed and is to be sent again. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined
  /** Called when a call is over: for a streamed answer with its last piece, for `chatLogs` after each of its pages. */
  readonly onEnd?: ((event: EndEvent) => void) | undefined
}

/** Something that happened in a call. */
export interface CallEvent {
  /** Counts the calls of the client: the same in all events of one call. */
  readonly call: number
  readonly operation: Operation
}

/** A request that is sent. */
export interface RequestEvent extends CallEvent {
  /** How many requests this call has sent, this one included: repetitions, redirects, those with a fresh token. */
  readonly attempt: number
  readonly method: "GET" | "POST"
  /** Where it is sent, without its query. */
  readonly url: string
}

/** The head of a response. */
export interface ResponseEvent extends RequestEvent {
  readonly status: number
  /** The response's `x-request-id`, to quote to the service's operators. */
  readonly requestId: string | undefined
  /** The time since its request was sent. */
  readonly durationMs: number
}

/** A request that failed and is to be sent again. */
export interface RetryEvent extends CallEvent {
  /** How many requests this call has sent. */
  readonly attempt: number
  /** What the last one failed with. */
  readonly error: ChatError
  /** The pause before the next one. */
  readonly delayMs: number
}

/** The end of a call. */
export interface EndEvent extends CallEvent {
  /** `aborted` also where the client was closed, or an answer left before its end. */
  readonly outcome: "success" | "failure" | "aborted"
  /** What the call failed with. */
  readonly error: ChatError | undefined
  /** How many requests it sent. */
  readonly attempts: number
  /** The time since it began. */
  readonly durationMs: number
}
