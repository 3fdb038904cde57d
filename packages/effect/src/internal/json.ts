/**
 * JSON from outside: read without throwing, and what is wrong with it in words.
 */
import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"
import { InvalidResponse } from "../ChatError.ts"
import { formatIssues } from "./formatIssues.ts"
import { aboutResponse, type Reply } from "./http.ts"

/** The value, or `undefined`, which no JSON text stands for. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Names the fields of a broken body, as on the wire: `messages[3].timestamp: Expected …`. */
export const whatIsWrong = (cause: Cause.Cause<Schema.SchemaError>): string => {
  const error = Cause.squash(cause)
  if (!Schema.isSchemaError(error)) return String(error)
  return formatIssues(error.issue)
    .map(({ field, message }) => `${field || "the body"}: ${message}`)
    .join("; ")
}

/** The error for a body, or the part of one, that is not what the contract says. */
export const invalidResponse = (reply: Reply, description: string, body = ""): InvalidResponse =>
  new InvalidResponse({
    ...aboutResponse(reply),
    description: reply.excerpt(description),
    body: reply.excerpt(body)
  })
