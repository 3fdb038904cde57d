/**
 * What a call rejects with: {@link ChatError}, or an `AbortError` when it was aborted.
 *
 * `Unauthorized` and `NotFound` are the two that programs branch on most; {@link ApiError} carries every other failure
 * as a `reason`. Both the errors and the reasons are told apart by `instanceof` or by their `_tag`.
 *
 * No error holds the token, a header or a request: what is kept of a response's body is bounded, and the token is cut
 * out of it.
 *
 * @example
 * ```ts
 * import { ApiError, NotFound, type ChatClient } from "@weavai/promise"
 *
 * const ask = async (client: ChatClient, userInput: string) => {
 *   try {
 *     return (await client.chat({ userInput, chatId: "chat123", fileId: "file456" })).text
 *   } catch (error) {
 *     if (error instanceof NotFound) return "There is no such document."
 *     if (error instanceof ApiError && error.reason._tag === "RateLimited") return `Busy: ${error.reason.retryAfter} ms.`
 *     throw error
 *   }
 * }
 * ```
 */
// The classes are those of the Effect edition. Declared anew, as what they are to plain callers.
import * as Errors from "@weavai/effect/ChatError"
import * as Config from "@weavai/effect/WeavConfig"
import type { ChatResponse } from "./ChatResponse.ts"

/** Everything that an operation can fail with. */
export type ChatError = Unauthorized | NotFound | ApiError

/** The operation that failed. `chatLogs` fails as the `getChatLogs` it is made of. */
export type Operation = "getChatLogs" | "getChatHistory" | "chat" | "streamChat"

/** A class of errors, made from their fields. */
export interface ErrorClass<E extends Error, Fields = Omit<E, keyof Error | "_tag">> {
  new (fields: Fields): E
  readonly prototype: E
}

/** What is known of a response that an error comes from. */
export interface ResponseDetails {
  readonly operation: Operation
  /** The HTTP status. */
  readonly status: number
  /** The response's `x-request-id`, to quote to the service's operators. */
  readonly requestId?: string | undefined
  /** What the body said in words, where it said something: FastAPI's `detail`, a `message`, a page's title. */
  readonly detail?: string | undefined
  /** The start of the body, at most 1,000 characters, without the token. */
  readonly body: string
}

/** One thing that is wrong with a request. */
export interface RequestIssue {
  /** The field, e.g. `limit` or, from the service, `query.limit`. */
  readonly field: string
  /** What is wrong and what would be right. */
  readonly message: string
}

/** The token was refused (status 401), or the function given as `authToken` failed (no status). */
export interface Unauthorized extends Error, Omit<ResponseDetails, "status"> {
  readonly _tag: "Unauthorized"
  /** The HTTP status, 401, if the service answered. */
  readonly status?: number | undefined
}

/** The class of {@link Unauthorized}. */
export const Unauthorized: ErrorClass<Unauthorized> = Errors.Unauthorized

/** The chat or document does not exist for this token (status 404). */
export interface NotFound extends Error, ResponseDetails {
  readonly _tag: "NotFound"
}

/** The class of {@link NotFound}. */
export const NotFound: ErrorClass<NotFound> = Errors.NotFound

/** Any failure other than {@link Unauthorized} and {@link NotFound}; `reason` says which. */
export interface ApiError extends Error {
  readonly _tag: "ApiError"
  readonly reason: ApiErrorReason
  /** How often the request was sent: 0 if it was refused before. */
  readonly attempts: number
  /**
   * Whether the service took the message all the same, so that sending it again would say it twice: `no` where that is
   * certain, and for reads; `unknown` after e.g. a cut connection, a time limit, a 502; `yes` where the answer had
   * begun, or where `onUncertain: "reconcile"` found the message in the chat's history, without an answer to it.
   */
  readonly messageArrived: "no" | "unknown" | "yes"
  /** The operation that failed. */
  readonly operation: Operation
}

/** The class of {@link ApiError}. */
export const ApiError: ErrorClass<
  ApiError,
  Pick<ApiError, "reason" | "attempts"> & {
    /** Default: what the reason tells. */
    readonly messageArrived?: ApiError["messageArrived"] | undefined
  }
> = Errors.ApiError as ErrorClass<ApiError, any>

/** Why a call failed where neither the token nor a missing chat or document is the reason. */
export type ApiErrorReason =
  | InvalidRequest
  | RateLimited
  | ServerError
  | UnexpectedStatus
  | TransportError
  | TimeoutError
  | InvalidResponse
  | StreamInterrupted

/** The request is not one the service takes: refused before it was sent (no status), or by the service (400, 422). */
export interface InvalidRequest extends Error, Omit<ResponseDetails, "status"> {
  readonly _tag: "InvalidRequest"
  /** The HTTP status, if the request was sent. */
  readonly status?: number | undefined
  readonly issues: ReadonlyArray<RequestIssue>
}

/** The class of {@link InvalidRequest}. */
export const InvalidRequest: ErrorClass<InvalidRequest> = Errors.InvalidRequest

/** Too many requests (status 429). */
export interface RateLimited extends Error, ResponseDetails {
  readonly _tag: "RateLimited"
  /** How long the service asks to wait, in milliseconds, if it says so. */
  readonly retryAfter?: number | undefined
}

/** The class of {@link RateLimited}. */
export const RateLimited: ErrorClass<RateLimited> = Errors.RateLimited

/** The service failed (status 5xx). */
export interface ServerError extends Error, ResponseDetails {
  readonly _tag: "ServerError"
  /** How long the service asks to wait, in milliseconds, if it says so. */
  readonly retryAfter?: number | undefined
}

/** The class of {@link ServerError}. */
export const ServerError: ErrorClass<ServerError> = Errors.ServerError

/**
 * A status that the contract does not name, such as 403 or 409, or a redirect that is not followed: out of the service's
 * origin, where the token belongs, in a circle, or with a message that it would lose. `detail` says where it leads. In a
 * browser, which hides that, its status is 0.
 */
export interface UnexpectedStatus extends Error, ResponseDetails {
  readonly _tag: "UnexpectedStatus"
}

/** The class of {@link UnexpectedStatus}. */
export const UnexpectedStatus: ErrorClass<UnexpectedStatus> = Errors.UnexpectedStatus

/** No response came: connection refused or reset, name not resolved, TLS not established. */
export interface TransportError extends Error {
  readonly _tag: "TransportError"
  readonly operation: Operation
  /** The system's word for it, e.g. `ECONNREFUSED`, where there is one. */
  readonly code?: string | undefined
  readonly description: string
}

/** The class of {@link TransportError}. */
export const TransportError: ErrorClass<TransportError> = Errors.TransportError

/** A time limit passed: the one named by `limit`, which was `duration` milliseconds. */
export interface TimeoutError extends Error {
  readonly _tag: "TimeoutError"
  readonly operation: Operation
  readonly limit: "firstByte" | "total" | "idle"
  readonly duration: number
}

/** The class of {@link TimeoutError}. */
export const TimeoutError: ErrorClass<TimeoutError> = Errors.TimeoutError

/** A response with a good status whose body is not what the contract says; `description` names the field. */
export interface InvalidResponse extends Error, ResponseDetails {
  readonly _tag: "InvalidResponse"
  readonly description: string
}

/** The class of {@link InvalidResponse}. */
export const InvalidResponse: ErrorClass<InvalidResponse> = Errors.InvalidResponse

/**
 * A streamed answer broke off before its end: the connection was cut, the body stopped inside a piece, or the service
 * reported an error in the stream.
 */
export interface StreamInterrupted extends Error {
  readonly _tag: "StreamInterrupted"
  readonly operation: Operation
  /** The response's `x-request-id`. */
  readonly requestId?: string | undefined
  readonly description: string
  /** What had arrived until then, `null` if nothing had. Its text is kept up to 10 million characters. */
  readonly answer: ChatResponse | null
}

/** The class of {@link StreamInterrupted}. */
export const StreamInterrupted: ErrorClass<StreamInterrupted> = Errors.StreamInterrupted

/** An option that cannot be used. Thrown by `createChatClient`. */
export interface WeavConfigError extends Error {
  readonly _tag: "WeavConfigError"
  /** Which one, e.g. `timeouts.idle`. */
  readonly option: string
  /** What is wrong with it, and what to give instead. */
  readonly description: string
}

/** The class of {@link WeavConfigError}. */
export const WeavConfigError: ErrorClass<WeavConfigError> = Config.WeavConfigError
