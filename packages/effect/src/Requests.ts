/**
 * What the operations take.
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { parseTimestamp } from "./internal/timestamp.ts"

/** A moment: a `Date`, an Effect `DateTime`, or an ISO 8601 string (read as UTC where it names no offset). */
export type DateInput = Date | DateTime.DateTime | string

/** Which chat to read. */
export interface GetChatHistoryRequest {
  /** The chat's id: free text, not empty. */
  readonly chatId: string
}

/** Which log rows to read. */
export interface LogsFilter {
  /** Rows from this moment on. */
  readonly startDatetime?: DateInput | null | undefined
  /** Rows up to this moment. */
  readonly endDatetime?: DateInput | null | undefined
  /** Rows of SOP chats instead of ordinary ones. Default `false`. */
  readonly isSopChat?: boolean | undefined
}

/** Which page of the log rows to read. */
export interface GetChatLogsRequest extends LogsFilter {
  /** How many rows to pass over: 0, the default, or more. */
  readonly skip?: number | undefined
  /** How many rows the page has at most: 1 or more, default 25. The service may return fewer. */
  readonly limit?: number | undefined
}

/** Which log rows to walk through. */
export interface ChatLogsRequest extends LogsFilter {
  /** How many rows to ask for in one request: 1 or more, default 100. The service may return fewer. */
  readonly pageSize?: number | undefined
}

/** A message about a document. */
export interface ChatRequest {
  /** The message, not empty. */
  readonly userInput: string
  /** The chat that the message belongs to: free text, not empty. */
  readonly chatId: string
  /** The document that the message is about, e.g. `66e0fba3089fbd21c4dd80c3`. */
  readonly fileId: string
}

/** @internal */
export const toEpochMillis = (input: DateInput): number =>
  typeof input === "string"
    ? parseTimestamp(input)
    : DateTime.isDateTime(input)
      ? DateTime.toEpochMillis(input)
      : input.getTime()

/**
 * The query's spelling of a moment, `undefined` where there is none. A string is sent as it was given, so that digits
 * finer than a millisecond are kept.
 *
 * @internal
 */
export const toQueryDate = (input: DateInput | null | undefined): string | undefined =>
  isAbsent(input) ? undefined : typeof input === "string" ? input : new Date(toEpochMillis(input)).toISOString()

const isAbsent = (input: DateInput | null | undefined): input is null | undefined | "" =>
  input === undefined || input === null || input === ""

const field = <A>(is: (input: unknown) => boolean, message: string) =>
  Schema.declare((input): input is A => is(input), { message })

const Text = field<string>(
  (input) => typeof input === "string" && input !== "" && !/[\ud800-\udfff]/u.test(input),
  "must be text that is not empty and holds no lone surrogate"
).annotateKey({ messageMissingKey: "must be given" })

const count = (minimum: number) =>
  field<number | undefined>(
    (input) => input === undefined || (Number.isSafeInteger(input) && (input as number) >= minimum),
    `must be an integer of ${minimum} or more`
  )

const DateField = field<DateInput | null | undefined>(
  (input) =>
    isAbsent(input as DateInput) ||
    ((typeof input === "string" || input instanceof Date || DateTime.isDateTime(input)) &&
      !Number.isNaN(toEpochMillis(input))),
  "must be a Date, a DateTime or an ISO 8601 string such as 2023-01-01T00:00:00Z"
)

const Flag = field<boolean | undefined>(
  (input) => input === undefined || typeof input === "boolean",
  "must be true or false"
)

const logsFilter = {
  startDatetime: Schema.optionalKey(DateField),
  endDatetime: Schema.optionalKey(DateField),
  isSopChat: Schema.optionalKey(Flag)
}

const startsBeforeItEnds = Schema.makeFilter((filter: LogsFilter) => {
  const { startDatetime, endDatetime } = filter
  if (isAbsent(startDatetime) || isAbsent(endDatetime)) return true
  return toEpochMillis(startDatetime) <= toEpochMillis(endDatetime)
    ? true
    : { path: ["startDatetime"], issue: "must not be after endDatetime" }
})

/** @internal */
export const GetChatHistoryRequest: Schema.Codec<GetChatHistoryRequest> = Schema.Struct({ chatId: Text })

/** @internal */
export const GetChatLogsRequest: Schema.Codec<GetChatLogsRequest> = Schema.Struct({
  ...logsFilter,
  skip: Schema.optionalKey(count(0)),
  limit: Schema.optionalKey(count(1))
}).check(startsBeforeItEnds)

/** @internal */
export const ChatLogsRequest: Schema.Codec<ChatLogsRequest> = Schema.Struct({
  ...logsFilter,
  pageSize: Schema.optionalKey(count(1))
}).check(startsBeforeItEnds)

/** @internal */
export const ChatRequest: Schema.Codec<ChatRequest> = Schema.Struct({ userInput: Text, chatId: Text, fileId: Text })
