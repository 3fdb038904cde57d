/**
 * Everything that an operation can fail with: {@link ChatError}, a union of three tagged errors.
 *
 * `Unauthorized` and `NotFound` are the two that programs branch on most; {@link ApiError} carries every other failure
 * as a tagged `reason`, so that one reason can be handled with `Effect.catchReason`.
 *
 * No error holds the token, a header or a request: what is kept of a response's body is bounded, and the token is cut
 * out of it.
 *
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
import * as Schema from "effect/Schema"
import { ChatResponse } from "./ChatResponse.ts"

/** The operation that failed. `chatLogs` fails as the `getChatLogs` it is made of. */
export const Operation = Schema.Literals(["getChatLogs", "getChatHistory", "chat", "streamChat"])

/** The operation that failed. */
export type Operation = typeof Operation.Type

const failure = { operation: Operation }

const response = {
  /** The HTTP status. */
  status: Schema.Int,
  /** The response's `x-request-id`, to quote to the service's operators. */
  requestId: Schema.optional(Schema.String),
  /** What the body said in words, where it said something: FastAPI's `detail`, a `message`, a page's title. */
  detail: Schema.optional(Schema.String),
  /** The start of the body, at most 1,000 characters, without the token. */
  body: Schema.String
}

/** One thing that is wrong with a request: the field, and what it must be. */
export const RequestIssue = Schema.Struct({
  /** The field, e.g. `limit` or, from the service, `query.limit`. */
  field: Schema.String,
  /** What is wrong and what would be right. */
  message: Schema.String
})

/** One thing that is wrong with a request: the field, and what it must be. */
export type RequestIssue = typeof RequestIssue.Type

/**
 * The token was refused (status 401), or the token source given to `WeavConfig` failed (no status).
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  ...failure,
  ...response,
  status: Schema.optional(Schema.Int)
}) {
  override get message(): string {
    return this.status === undefined
      ? `${this.operation}: no token could be had: ${this.detail ?? "the token source failed"}`
      : `${summary(this, "the service refused the token")} Check authToken: it may have expired or belong to another env.`
  }
}

/** The chat or document does not exist for this token (status 404). */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {
  ...failure,
  ...response
}) {
  override get message(): string {
    return `${summary(this, "not found")} Check chatId and fileId, and that env names the right service.`
  }
}

/** The request is not one the service takes: refused before it was sent (no status), or by the service (400, 422). */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  ...failure,
  ...response,
  status: Schema.optional(Schema.Int),
  issues: Schema.Array(RequestIssue)
}) {
  override get message(): string {
    const issues = this.issues.map((issue) => `${issue.field} ${issue.message}`).join("; ")
    if (this.status === undefined) return `${this.operation}: ${issues}`
    return summary({ ...this, detail: issues || this.detail }, "the service refused the request")
  }
}

/** Too many requests (status 429). `retryAfter` is how long the service asks to wait, in milliseconds, if it says so. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  ...failure,
  ...response,
  retryAfter: Schema.optional(Schema.Number)
}) {
  override get message(): string {
    const wait = this.retryAfter === undefined ? "Wait" : `Wait ${Math.ceil(this.retryAfter / 1000)} s`
    return `${summary(this, "too many requests")} ${wait} before the next one.`
  }
}

/** The service failed (status 5xx). `retryAfter` is how long it asks to wait, in milliseconds, if it says so. */
export class ServerError extends Schema.TaggedError<ServerError>()("ServerError", {
  ...failure,
  ...response,
  retryAfter: Schema.optional(Schema.Number)
}) {
  override get message(): string {
    return summary(this, "the service failed")
  }
}

/** A status that the contract does not name, such as 403, 409 or a redirect. */
export class UnexpectedStatus extends Schema.TaggedError<UnexpectedStatus>()("UnexpectedStatus", {
  ...failure,
  ...response
}) {
  override get message(): string {
    return summary(this, "unexpected status")
  }
}

/**
 * No response came: connection refused or reset, name not resolved, TLS not established. `code` is the system's word
 * for it, e.g. `ECONNREFUSED`, where there is one.
 */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  ...failure,
  code: Schema.optional(Schema.String),
  description: Schema.String
}) {
  override get message(): string {
    return `${this.operation}: no response from the service: ${this.description}`
  }
}

/** A time limit passed: the one named by `limit`, which was `duration` milliseconds. */
export class TimeoutError extends Schema.TaggedError<TimeoutError>()("TimeoutError", {
  ...failure,
  limit: Schema.Literals(["firstByte", "total", "idle"]),
  duration: Schema.Number
}) {
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
export class InvalidResponse extends Schema.TaggedError<InvalidResponse>()("InvalidResponse", {
  ...failure,
  ...response,
  description: Schema.String
}) {
  override get message(): string {
    return `${this.operation}: the service's response is not what the contract says: ${this.description}`
  }
}

/**
 * A streamed answer broke off before its end: the connection was cut, the body stopped inside a piece, or the service
 * reported an error in the stream. `answer` is what had arrived until then, `null` if nothing had; its text is kept up
 * to 10 million characters.
 */
export class StreamInterrupted extends Schema.TaggedError<StreamInterrupted>()("StreamInterrupted", {
  ...failure,
  requestId: Schema.optional(Schema.String),
  description: Schema.String,
  answer: Schema.NullOr(ChatResponse)
}) {
  override get message(): string {
    const soFar = this.answer === null ? "before its first piece" : `after ${this.answer.text.length} characters`
    return `${this.operation}: the answer broke off ${soFar}: ${this.description}`
  }
}

/** Why a call failed where neither the token nor a missing chat or document is the reason. */
export const ApiErrorReason = Schema.Union([
  InvalidRequest,
  RateLimited,
  ServerError,
  UnexpectedStatus,
  TransportError,
  TimeoutError,
  InvalidResponse,
  StreamInterrupted
])

/** Why a call failed where neither the token nor a missing chat or document is the reason. */
export type ApiErrorReason = typeof ApiErrorReason.Type

/** Any failure other than {@link Unauthorized} and {@link NotFound}; `reason` says which. */
export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  reason: ApiErrorReason
}) {
  /** The operation that failed. */
  get operation(): Operation {
    return this.reason.operation
  }
  override get message(): string {
    return this.reason.message
  }
}

/** Schema of {@link ChatError}, to carry failures over RPC, a queue or a workflow. */
export const ChatError = Schema.Union([Unauthorized, NotFound, ApiError])

/** Everything that an operation can fail with. */
export type ChatError = typeof ChatError.Type

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
    error.detail === undefined ? "." : `: ${error.detail}${/[.!?]$/.test(error.detail) ? "" : "."}`
  }`
