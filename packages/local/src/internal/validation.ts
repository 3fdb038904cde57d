/**
 * Rejected input in the platform's own spelling, `{"detail": [{"loc", "msg", "type"}]}`, as FastAPI and pydantic write it.
 */
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/** The rules a request can break: pydantic's type and its words. */
export const rule = {
  missing: { type: "missing", msg: "Field required" },
  json: { type: "json_invalid", msg: "JSON decode error" },
  object: {
    type: "model_attributes_type",
    msg: "Input should be a valid dictionary or object to extract fields from"
  },
  string: { type: "string_type", msg: "Input should be a valid string" },
  unicode: {
    type: "string_unicode",
    msg: "Input should be a valid string, unable to parse raw data as a unicode string"
  },
  notEmpty: { type: "string_too_short", msg: "String should have at least 1 character" },
  integer: { type: "int_parsing", msg: "Input should be a valid integer, unable to parse string as an integer" },
  notNegative: { type: "greater_than_equal", msg: "Input should be greater than or equal to 0" },
  positive: { type: "greater_than_equal", msg: "Input should be greater than or equal to 1" },
  boolean: { type: "bool_parsing", msg: "Input should be a valid boolean, unable to interpret input" },
  datetime: { type: "datetime_parsing", msg: "Input should be a valid ISO 8601 datetime such as 2023-01-01T00:00:00Z" }
} as const

/** One of {@link rule}. */
export type Rule = (typeof rule)[keyof typeof rule]

// A schema issue carries words only, so the words are what a rule is recognised by.
const types = new Map<string, string>(Object.values(rule).map(({ type, msg }) => [msg, type]))

/** One broken rule: where it is broken (`loc`), in words (`msg`), and its pydantic type. */
export const Problem = Schema.Struct({
  loc: Schema.Array(Schema.Union([Schema.String, Schema.Int])),
  msg: Schema.String,
  type: Schema.String
}).annotate({ identifier: "ValidationProblem" })

export type Problem = typeof Problem.Type

/** The problem of the value at `loc` breaking `broken`. */
export const problem = (loc: Problem["loc"], broken: Rule): Problem => ({ loc, ...broken })

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => (issue._tag === "MissingKey" ? rule.missing.msg : SchemaIssue.defaultLeafHook(issue))
})

/** Every problem of a failed decoding, located below `source`. */
export const problems = (source: "query" | "body", issue: SchemaIssue.Issue): ReadonlyArray<Problem> =>
  format(issue).issues.map(({ path = [], message }) => ({
    loc: [source, ...path.map((part) => (typeof part === "number" ? part : String(part)))],
    msg: message,
    type: types.get(message) ?? "value_error"
  }))
