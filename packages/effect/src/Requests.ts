/**
 * What the operations take.
 *
 * @module
 */
import * as DateTime from "effect/DateTime"
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
  /** How many pages to fetch at a time: 1 or more, default 4. */
  readonly concurrency?: number | undefined
  /** The cursor of a row of an earlier walk with the same filter: this walk goes on behind that row. */
  readonly after?: string | undefined
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

/**
 * Whether no moment is given.
 *
 * @internal
 */
export const isAbsent = (input: DateInput | null | undefined): input is null | undefined | "" =>
  input === undefined || input === null || input === ""
