/**
 * Everything that an operation can fail with: {@link ChatError}, a union of three tagged errors.
 *
 * `Unauthorized` and `NotFound` are the two that programs branch on most; {@link ApiError} carries every other failure
 * as a tagged `reason`, so that one reason can be handled with `Effect.catchReason`.
 *
 * No error holds the token, a header or a request: what is kept of a response's body is bounded, and the token is cut
 * out of it.
 *
 * @module
 * @example
 * ```ts
 * import { ChatOperations } from "@weavai/effect"
 * import { Effect } from "effect"
 *
 * const answer = ChatOperations.chat({ userInput: "What is the deductible?", chatId: "chat123", fileId: "file456" }).pipe(
 *   Effect.map((reply) => reply.text),
 *   Effect.catchTag("NotFound", () => Effect.succeed("There is no such document.")),
 *   Effect.catchReason("ApiError", "RateLimited", (reason) => Effect.succeed(`Busy, try in ${reason.retryAfter} ms.`))
 * )
 * ```
 */
import * as Data from "effect/Data"
import type { ChatResponse } from "./ChatResponse.ts"

/** The operation that failed. `chatLogs` fails as the `getChatLogs` it is made of. */
export type Operation = "getChatLogs" | "getChatHistory" | "chat" | "streamChat"

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

/**
 * The token was refused (status 401), or the token source given to `WeavConfig` failed (no status).
 */
export class Unauthorized extends Data.TaggedError("Unauthorized")<
  Omit<ResponseDetails, "status"> & {
    /** The HTTP status, 401, if the service answered. */
    readonly status?: number | undefined
  }
> {
  override get message(): string {
    return this.status === undefined
      ? `${this.operation}: no token could be had: ${this.detail ?? "the token source failed"}`
      : `${summary(this, "the service refused the token")} Check authToken: it may have expired or belong to another env.`
  }
}

/** The chat or document does not exist for this token (status 404). */
export class NotFound extends Data.TaggedError("NotFound")<ResponseDetails> {
  override get message(): string {
    return `${summary(this, "not found")} Check chatId and fileId, and that env names the right service.`
  }
}

/** The request is not one the service takes: refused before it was sent (no status), or by the service (400, 422). */
export class InvalidRequest extends Data.TaggedError("InvalidRequest")<
  Omit<ResponseDetails, "status"> & {
    /** The HTTP status, if the request was sent. */
    readonly status?: number | undefined
    readonly issues: ReadonlyArray<RequestIssue>
  }
> {
  override get message(): string {
    const issues = this.issues.map((issue) => `${issue.field} ${issue.message}`).join("; ")
    if (this.status === undefined) return `${this.operation}: ${issues}`
    return summary({ ...this, detail: issues || this.detail }, "the service refused the request")
  }
}

/** Too many requests (status 429). */
export class RateLimited extends Data.TaggedError("RateLimited")<
  ResponseDetails & {
    /** How long the service asks to wait, in milliseconds, if it says so. */
    readonly retryAfter?: number | undefined
  }
> {
  override get message(): string {
    const wait = this.retryAfter === undefined ? "Wait" : `Wait ${Math.ceil(this.retryAfter / 1000)} s`
    return `${summary(this, "too many requests")} ${wait} before the next one.`
  }
}

/** The service failed (status 5xx). */
export class ServerError extends Data.TaggedError("ServerError")<
  ResponseDetails & {
    /** How long the service asks to wait, in milliseconds, if it says so. */
    readonly retryAfter?: number | undefined
  }
> {
  override get message(): string {
    return summary(this, "the service failed")
  }
}

/**
 * A status that the contract does not name, such as 403 or 409, or a redirect that is not followed: out of the service's
 * origin, where the token belongs, in a circle, or with a message that it would lose. `detail` says where it leads. In a
 * browser, which hides that, its status is 0.
 */
export class UnexpectedStatus extends Data.TaggedError("UnexpectedStatus")<ResponseDetails> {
  override get message(): string {
    return summary(this, "unexpected status")
  }
}

/** No response came: connection refused or reset, name not resolved, TLS not established. */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly operation: Operation
  /** The system's word for it, e.g. `ECONNREFUSED`, where there is one. */
  readonly code?: string | undefined
  readonly description: string
}> {
  override get message(): string {
    return `${this.operation}: no response from the service: ${this.description}`
  }
}

/** A time limit passed: the one named by `limit`, which was `duration` milliseconds. */
export class TimeoutError extends Data.TaggedError("TimeoutError")<{
  readonly operation: Operation
  readonly limit: "firstByte" | "total" | "idle"
  readonly duration: number
}> {
  override get message(): string {
    const what = {
      firstByte: "no response began",
      total: "the call was not over",
      idle: "no piece of the answer came"
    }[this.limit]
    return `${this.operation}: ${what} within ${this.duration} ms (timeouts.${this.limit})`
  }
}

/** A response with a good status whose body is not what the contract says; `description` names the field. */
export class InvalidResponse extends Data.TaggedError("InvalidResponse")<
  ResponseDetails & { readonly description: string }
> {
  override get message(): string {
    return `${this.operation}: the service's response is not what the contract says: ${this.description}`
  }
}

/**
 * A streamed answer broke off before its end: the connection was cut, the body stopped inside a piece, or the service
 * reported an error in the stream. `answer` is what had arrived until then, `null` if nothing had; its text is kept up
 * to 10 million characters.
 */
export class StreamInterrupted extends Data.TaggedError("StreamInterrupted")<{
  readonly operation: Operation
  /** The response's `x-request-id`. */
  readonly requestId?: string | undefined
  readonly description: string
  readonly answer: ChatResponse | null
}> {
  override get message(): string {
    const soFar = this.answer === null ? "before its first piece" : `after ${this.answer.text.length} characters`
    return `${this.operation}: the answer broke off ${soFar}: ${this.description}`
  }
}

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

/** Any failure other than {@link Unauthorized} and {@link NotFound}; `reason` says which. */
export class ApiError extends Data.TaggedError("ApiError")<{
  readonly reason: ApiErrorReason
  /** How often the request was sent: 0 if it was refused before. */
  readonly attempts: number
  /**
   * Whether the service took the message all the same, so that sending it again would say it twice: `no` where that is
   * certain, and for reads; `unknown` after e.g. a cut connection, a time limit, a 502; `yes` where the answer had
   * begun, or where `onUncertain: "reconcile"` found the message in the chat's history, without an answer to it.
   */
  readonly messageArrived: "no" | "unknown" | "yes"
}> {
  constructor(fields: {
    readonly reason: ApiErrorReason
    /** Default 1. */
    readonly attempts?: number | undefined
    /** Default: what the reason tells. */
    readonly messageArrived?: "no" | "unknown" | "yes" | undefined
  }) {
    const { attempts = 1, reason } = fields
    super({ reason, attempts, messageArrived: fields.messageArrived ?? arrivalAt(reason) })
  }
  /** The operation that failed. */
  get operation(): Operation {
    return this.reason.operation
  }
  override get message(): string {
    if (this.messageArrived === "no") return this.reason.message
    const arrived = this.messageArrived === "yes" ? "arrived" : "may have arrived"
    return `${sentence(this.reason.message)} The message ${arrived}: see getChatHistory.`
  }
}

const arrivalAt = (reason: ApiErrorReason): ApiError["messageArrived"] => {
  if (reason.operation.startsWith("get") || wasRefused(reason)) return "no"
  return reason._tag === "StreamInterrupted" && reason.answer !== null ? "yes" : "unknown"
}

/** Whether the request certainly was not taken. */
const wasRefused = (reason: ApiErrorReason): boolean => {
  switch (reason._tag) {
    case "InvalidRequest":
    case "RateLimited":
      return true
    case "ServerError":
      return reason.status === 503 && reason.retryAfter !== undefined
    case "UnexpectedStatus":
      // A redirect of another kind may come after a message was taken.
      return reason.status >= 307 && reason.status < 500
    case "TransportError":
      return reason.code !== undefined && neverConnected.test(reason.code)
    default:
      return false
  }
}

/** Codes of failures before a connection stood: refused, no such name, no TLS. Other codes of TLS may come later, too. */
const neverConnected =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS_CERT|ERR_SSL_\w*(VERSION|HANDSHAKE)|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** Everything that an operation can fail with. */
export type ChatError = Unauthorized | NotFound | ApiError

// Node prints errors by their stack, but Effect's as plain objects: a log or an uncaught rejection would lack the message.
for (const { prototype } of [Unauthorized, NotFound, ApiError]) {
  Object.defineProperty(prototype, Symbol.for("nodejs.util.inspect.custom"), {
    value(this: ChatError, _depth: number, options: unknown, inspect: (value: unknown, options: unknown) => string) {
      return `${this.stack ?? this} ${inspect({ ...this }, options)}`
    }
  })
}

const summary = (
  error: {
    readonly operation: Operation
    readonly status?: number | undefined
    readonly detail?: string | undefined
    readonly requestId?: string | undefined
  },
  what: string
): string =>
  `${error.operation}: ${what} (${error.status}${error.requestId === undefined ? "" : `, request ${error.requestId}`})${
    error.detail === undefined ? "." : `: ${sentence(error.detail)}`
  }`

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)
