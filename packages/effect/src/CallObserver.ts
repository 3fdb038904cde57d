/**
 * Following calls from outside: what they send, what comes back, what is tried again, how they end.
 *
 * `Telemetry` follows them with spans, metrics and logs; an observer of one's own is a plain function.
 *
 * @module
 * @example
 * ```ts
 * import { CallObserver, ChatOperations } from "@weavai/effect"
 * import { Effect } from "effect"
 *
 * const Requests = CallObserver.layer(({ operation }) => ({
 *   onResponse: ({ status, url }) => console.log(`${operation}: ${status} from ${url}`)
 * }))
 *
 * const observed = ChatOperations.getChatHistory({ chatId: "chat123" }).pipe(Effect.provide(Requests))
 * ```
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ChatError, Operation } from "./ChatError.ts"
import type { ChatResponse } from "./ChatResponse.ts"
import { observing } from "./internal/following.ts"
import { Observer } from "./internal/observer.ts"

/** A call that begins. The walk `chatLogs` is a `getChatLogs` for each of its pages. */
export interface Call {
  readonly operation: Operation
  /** The chat that it is about, where it is about one. */
  readonly chatId: string | undefined
}

/** A request on its way. */
export interface RequestSent {
  /** The call's own operation, or `getChatHistory` where `onUncertain: "reconcile"` looks for a message. */
  readonly operation: Operation
  readonly method: "GET" | "POST"
  /** Where to, without the query. */
  readonly url: string
}

/** The head of a response, whatever its status. */
export interface ResponseReceived extends RequestSent {
  readonly status: number
  /** By names in lower case. */
  readonly headers: { readonly [name: string]: string | undefined }
}

/** A pause before a request is sent again as the retry policy says. */
export interface Retry {
  /** What the last attempt failed with. */
  readonly error: ChatError
  /** How many attempts there were: 1 or more. */
  readonly attempts: number
  /** How long the pause is, in milliseconds. */
  readonly delay: number
}

/** How a call ended: `interrupted` where its caller gave it up, or left a streamed answer before its end. */
export type End =
  | { readonly outcome: "success" }
  | {
      readonly outcome: "failure"
      /** A `ChatError`. */
      readonly error: unknown
    }
  | { readonly outcome: "interrupted" }

/** Is told of one call, in the order of events and as they happen. What it throws is a defect of the call. */
export interface Follower {
  /** Called for each request: attempts, redirects, the repetition with a fresh token. */
  readonly onRequest?: ((request: RequestSent) => void) | undefined
  /** Called when the head of a response is there, its body not yet. */
  readonly onResponse?: ((response: ResponseReceived) => void) | undefined
  /** Called when an attempt failed and another is to follow, before the pause between them. */
  readonly onRetry?: ((retry: Retry) => void) | undefined
  /** Called with the next pieces of a streamed answer, one or more. */
  readonly onPieces?: ((pieces: ReadonlyArray<ChatResponse>) => void) | undefined
  /** Called once, last: of a streamed answer when the stream is over. */
  readonly onEnd?: ((end: End) => void) | undefined
}

/** Is told of each call that begins, and returns who follows it. What it throws is a defect of the call. */
export type CallObserver = (call: Call) => Follower

/** Lets an observer follow the calls. One observes at a time, `Telemetry` included: the one provided closest. */
export const layer = (observer: CallObserver): Layer.Layer<never> => Layer.succeed(Observer, make(observer))

/** The same as a context, to be merged into one or provided to a single call. */
export const context = (observer: CallObserver): Context.Context<never> => Context.make(Observer, make(observer))

const make = (observer: CallObserver) =>
  observing((call) => Effect.sync(() => ({ follower: observer(call), services: Context.empty() })))
