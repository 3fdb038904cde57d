/**
 * Requests are checked before anything is sent.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { ApiError, InvalidRequest, type Operation, type RequestIssue } from "../ChatError.ts"
import { formatIssues } from "./formatIssues.ts"

/** Fails with `InvalidRequest`, naming every field that is wrong, unless the request is what the schema says. */
export const validator = <A>(operation: Operation, schema: Schema.Codec<A>) => {
  const validate = Schema.decodeUnknownExit(schema, { errors: "all" })
  return (request: A): Effect.Effect<A, ApiError> => {
    const result = validate(request)
    return Exit.isSuccess(result)
      ? Effect.succeed(result.value)
      : Effect.fail(invalidRequest(operation, issuesOf(Cause.squash(result.cause), request)))
  }
}

/** The error for a request that must not be sent. */
export const invalidRequest = (operation: Operation, issues: ReadonlyArray<RequestIssue>): ApiError =>
  new ApiError({ reason: new InvalidRequest({ operation, body: "", issues }) })

const issuesOf = (error: unknown, request: unknown): ReadonlyArray<RequestIssue> => {
  if (!Schema.isSchemaError(error)) return [{ field: "request", message: String(error) }]
  return formatIssues(error.issue).map(({ field, message }) => ({
    field: field || "request",
    message: `${message}${got(request, field)}`
  }))
}

const got = (request: unknown, field: string): string => {
  const value = field === "" ? request : (request as { readonly [field: string]: unknown })[field]
  if (typeof value === "object" && value !== null) return ""
  return `, got ${typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : String(value)}`
}
