/**
 * The failures of an operation in the terms of `effect/ai`.
 */
import * as Duration from "effect/Duration"
import * as AiError from "effect/ai/AiError"
import type { ApiErrorReason, ChatError, NotFound, Unauthorized } from "../ChatError.ts"

type Failure = Unauthorized | NotFound | ApiErrorReason

/**
 * The reason for an `AiError`, with the error as its `cause`. Reasons say by their class whether asking again may help:
 * none that says so is given for a message which `isNewChat` does not keep from being said twice.
 */
export const aiErrorReason = (error: ChatError, isNewChat: boolean, url: string): AiError.AiErrorReason => {
  const failure = error._tag === "ApiError" ? error.reason : error
  const arrived = error._tag === "ApiError" && error.messageArrived !== "no"
  const reason = reasonOf(failure, error.message, url)
  const safe =
    reason.isRetryable && arrived && !isNewChat
      ? new AiError.UnknownError({ description: error.message, http: httpOf(failure) })
      : reason
  return Object.assign(safe, { cause: error })
}

const reasonOf = (failure: Failure, description: string, url: string): AiError.AiErrorReason => {
  const http = httpOf(failure)
  switch (failure._tag) {
    case "Unauthorized":
      return new AiError.AuthenticationError({
        kind: failure.status === undefined ? "Unknown" : "InvalidKey",
        description,
        http
      })
    case "NotFound":
    case "InvalidRequest":
      return new AiError.InvalidRequestError({ description, http })
    case "RateLimited":
      return new AiError.RateLimitError({
        retryAfter: failure.retryAfter === undefined ? undefined : Duration.millis(failure.retryAfter),
        http
      })
    case "ServerError":
    case "StreamInterrupted":
      return new AiError.InternalProviderError({ description, http })
    case "TransportError":
    case "TimeoutError":
      return new AiError.NetworkError({ reason: "TransportError", method: "POST", url, description })
    case "InvalidResponse":
      return new AiError.InvalidResponseError({ description, http })
    case "UnexpectedStatus":
      return failure.status === 403
        ? new AiError.AuthenticationError({ kind: "InsufficientPermissions", description, http })
        : new AiError.UnknownError({ description, http })
  }
}

const httpOf = (failure: Failure): typeof AiError.HttpContext.Type | undefined => {
  if (!("status" in failure) || failure.status === undefined) return undefined
  const { body, requestId, status } = failure
  return { response: { status, headers: requestId === undefined ? {} : { "x-request-id": requestId } }, body }
}
