/**
 * The scalar values of a request, read as leniently as the platform reads them, each with the rule that it breaks when it cannot be.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { Timestamp } from "@weavai/effect"
import { rule } from "./validation.ts"

const text = Schema.String.annotate({ message: rule.string.msg })

const parsed = <To extends Schema.Constraint>(
  to: To,
  description: string,
  broken: { readonly msg: string },
  parse: (text: string) => To["Encoded"] | undefined,
  print: (value: To["Encoded"]) => string
) =>
  text.annotate({ description }).pipe(
    Schema.decodeTo(
      to,
      SchemaTransformation.transformEffect({
        decode: (input: string) => {
          const value = parse(input)
          return value === undefined
            ? Effect.fail(new SchemaIssue.InvalidValue({ message: broken.msg }))
            : Effect.succeed(value)
        },
        encode: (value: To["Encoded"]) => Effect.succeed(print(value))
      })
    )
  )

/** A text of one character or more. Half a surrogate pair is none, and would come back from the database as another character. */
export const Text = text.check(
  Schema.isMinLength(1, { message: rule.notEmpty.msg }),
  Schema.makeFilter((input) => input.isWellFormed() || rule.unicode.msg)
)

const integer = /^\s*[+-]?\d+\s*$/

const Integer = (minimum: 0 | 1, broken: { readonly msg: string }) =>
  parsed(
    Schema.Int.check(Schema.isGreaterThanOrEqualTo(minimum, { message: broken.msg })),
    `An integer of ${minimum} or more`,
    rule.integer,
    (input) => (integer.test(input) && Number.isSafeInteger(Number(input)) ? Number(input) : undefined),
    String
  )

/** A whole number of 0 or more, in decimal digits. */
export const NotNegative = Integer(0, rule.notNegative)

/** A whole number of 1 or more, in decimal digits. */
export const Positive = Integer(1, rule.positive)

const yes = /^(?:true|1|yes|on|t|y)$/i
const no = /^(?:false|0|no|off|f|n)$/i

/** `true`/`false` in any case (the Python client sends `False`), `1`/`0`, and pydantic's other spellings. */
export const Flag = parsed(
  Schema.Boolean,
  "`true` or `false`, in any case, or `1` or `0`",
  rule.boolean,
  (input) => yes.test(input) || (no.test(input) ? false : undefined),
  String
)

const timestamp = Schema.decodeOption(Timestamp)

/** A "+" that was not percent-encoded arrives as a space. */
const withPlus = (input: string): string => input.replace(/(:\d{2}(?:\.\d+)?) (?=\d{2}:?\d{2}$)/, "$1+")

/**
 * An ISO 8601 date or datetime in any of the platform's spellings, UTC where it names no offset; finer than a millisecond is cut
 * off. An empty text is no datetime, not a wrong one.
 */
export const Datetime = parsed(
  Schema.NullOr(Schema.Date),
  "An ISO 8601 date or datetime, UTC where it names no offset",
  rule.datetime,
  (input) => (input === "" ? null : Option.getOrUndefined(timestamp(withPlus(input)))),
  (date) => date?.toISOString() ?? ""
)

/** A yes or no in a JSON body: a boolean, a text that a query could carry, or null for neither. */
export const BodyFlag = Schema.NullOr(Schema.Union([Schema.Boolean, Flag])).annotate({ message: rule.boolean.msg })
