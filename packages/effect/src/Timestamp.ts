/**
 * Datetimes as the service writes them.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { isTimestamp, parseTimestamp } from "./internal/timestamp.ts"

/**
 * A datetime on the wire: any of the service's spellings.
 *
 * @internal
 */
export const WireTimestamp = Schema.String.check(
  Schema.makeFilter(isTimestamp, {
    expected: "an ISO 8601 datetime such as 2024-09-25T19:12:20Z"
  })
)

/**
 * Schema of a datetime: any of the service's spellings on the wire, read as UTC where it names no offset and cut off
 * after the millisecond; a `Date` in TypeScript.
 *
 * @example
 * ```ts
 * import { Timestamp } from "@weavai/effect"
 * import { Schema } from "effect"
 *
 * const date = Schema.decodeSync(Timestamp)("2024-09-25 19:12:20.178930+00:00")
 * ```
 */
export const Timestamp: Schema.Codec<Date, string> = WireTimestamp.pipe(
  Schema.decodeTo(
    Schema.Date,
    SchemaTransformation.transform({
      decode: (text: string) => new Date(parseTimestamp(text)),
      encode: (date: Date) => date.toISOString()
    })
  )
)
