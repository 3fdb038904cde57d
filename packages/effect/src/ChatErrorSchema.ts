/**
 * Failures as data, to carry them over RPC, a queue or a workflow. Kept apart from the errors, so that a program that
 * only calls the service does not have to load `effect/Schema`.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Errors from "./ChatError.ts"
import { ChatResponse } from "./ChatResponse.ts"

/** Everything that an operation can fail with. */
export type ChatError = Errors.ChatError

/** Schema of one error class: its tag and fields, and back to an instance. */
const instance = <Tag extends string, Fields extends Schema.Struct.Fields, E extends { readonly _tag: Tag }>(
  Class: new (fields: any) => E,
  tag: Tag,
  fields: Fields
) =>
  Schema.Struct({ _tag: Schema.tag(tag), ...fields }).pipe(
    Schema.decodeTo(
      Schema.instanceOf(Class),
      SchemaTransformation.transform({
        decode: ({ _tag, ...rest }: any): E => new Class(rest),
        encode: (error: E): any =>
          Object.fromEntries(["_tag", ...Object.keys(fields)].map((key) => [key, error[key as keyof E]]))
      })
    )
  )

const operation = Schema.Literals(["getChatLogs", "getChatHistory", "chat", "streamChat"])

const response = {
  operation,
  status: Schema.Int,
  requestId: Schema.optional(Schema.String),
  detail: Schema.optional(Schema.String),
  body: Schema.String
}

const retryAfter = Schema.optional(Schema.Number)

const reason = Schema.Union([
  instance(Errors.InvalidRequest, "InvalidRequest", {
    ...response,
    status: Schema.optional(Schema.Int),
    issues: Schema.Array(Schema.Struct({ field: Schema.String, message: Schema.String }))
  }),
  instance(Errors.RateLimited, "RateLimited", { ...response, retryAfter }),
  instance(Errors.ServerError, "ServerError", { ...response, retryAfter }),
  instance(Errors.UnexpectedStatus, "UnexpectedStatus", response),
  instance(Errors.TransportError, "TransportError", {
    operation,
    code: Schema.optional(Schema.String),
    description: Schema.String
  }),
  instance(Errors.TimeoutError, "TimeoutError", {
    operation,
    limit: Schema.Literals(["firstByte", "total", "idle"]),
    duration: Schema.Number
  }),
  instance(Errors.InvalidResponse, "InvalidResponse", { ...response, description: Schema.String }),
  instance(Errors.StreamInterrupted, "StreamInterrupted", {
    operation,
    requestId: Schema.optional(Schema.String),
    description: Schema.String,
    answer: Schema.NullOr(ChatResponse)
  })
])

/**
 * Schema of {@link ChatError}: from an error to plain JSON and back to an instance of its class.
 *
 * @example
 * ```ts
 * import { ChatError } from "@weavai/effect"
 * import { Schema } from "effect"
 *
 * const toJson = Schema.encodeSync(Schema.toCodecJson(ChatError))
 * ```
 */
export const ChatError = Schema.Union([
  instance(Errors.Unauthorized, "Unauthorized", { ...response, status: Schema.optional(Schema.Int) }),
  instance(Errors.NotFound, "NotFound", response),
  instance(Errors.ApiError, "ApiError", {
    reason,
    attempts: Schema.Int,
    messageArrived: Schema.optional(Schema.Literals(["no", "unknown", "yes"]))
  })
])
