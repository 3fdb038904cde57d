/**
 * Requests are checked before anything is sent: every field that is wrong is named, with what would be right.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { ApiError, InvalidRequest, type Operation, type RequestIssue } from "../ChatError.ts"
import * as Requests from "../Requests.ts"
import { parseCursor } from "./logsCursor.ts"

/** Fails with `InvalidRequest` unless the request is a message that can be sent. */
export const validChat = (operation: Operation, request: Requests.ChatRequest) =>
  validate(operation, request, { userInput: text, chatId: text, fileId: text })

/** Fails with `InvalidRequest` unless the request names a chat. */
export const validHistory = (request: Requests.GetChatHistoryRequest) =>
  validate("getChatHistory", request, { chatId: text })

/** Fails with `InvalidRequest` unless the request asks for a page. */
export const validLogs = (request: Requests.GetChatLogsRequest) =>
  validate("getChatLogs", request, { ...logsFilter, skip: count(0), limit: count(1) })

/** Fails with `InvalidRequest` unless the request describes a walk. */
export const validWalk = (request: Requests.ChatLogsRequest) =>
  validate("getChatLogs", request, { ...logsFilter, pageSize: count(1), concurrency: count(1), after: cursor })

/** The error for a request that must not be sent. */
export const invalidRequest = (operation: Operation, issues: ReadonlyArray<RequestIssue>): ApiError =>
  new ApiError({ reason: new InvalidRequest({ operation, body: "", issues }), attempts: 0 })

/** What is wrong with a field's value and what would be right, or `undefined` if it is fine. */
type Rule<A> = (value: unknown, request: A) => string | undefined

const validate = <A extends object>(
  operation: Operation,
  request: A,
  rules: { readonly [Field in keyof A]-?: Rule<A> }
): Effect.Effect<A, ApiError> => {
  if (typeof request !== "object" || request === null) {
    return Effect.fail(invalidRequest(operation, [{ field: "request", message: `must be an object${got(request)}` }]))
  }
  const issues: Array<RequestIssue> = []
  for (const field in rules) {
    const problem = rules[field](request[field], request)
    if (problem !== undefined) issues.push({ field, message: problem + got(request[field]) })
  }
  return issues.length === 0 ? Effect.succeed(request) : Effect.fail(invalidRequest(operation, issues))
}

const got = (value: unknown): string => {
  if (typeof value === "object" && value !== null) return ""
  return `, got ${typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : String(value)}`
}

const text: Rule<unknown> = (value) => {
  if (value === undefined) return "must be given"
  return typeof value === "string" && value !== "" && !/[\ud800-\udfff]/u.test(value)
    ? undefined
    : "must be text that is not empty and holds no lone surrogate"
}

const count =
  (minimum: number): Rule<unknown> =>
  (value) =>
    value === undefined || (Number.isSafeInteger(value) && (value as number) >= minimum)
      ? undefined
      : `must be an integer of ${minimum} or more`

const flag: Rule<unknown> = (value) =>
  value === undefined || typeof value === "boolean" ? undefined : "must be true or false"

const cursor: Rule<unknown> = (value) =>
  value === undefined || parseCursor(value) !== undefined
    ? undefined
    : "must be the cursor of a row that chatLogs yielded"

const isMoment = (value: unknown): value is Requests.DateInput =>
  (typeof value === "string" || value instanceof Date || DateTime.isDateTime(value)) &&
  !Number.isNaN(Requests.toEpochMillis(value))

const date: Rule<unknown> = (value) =>
  Requests.isAbsent(value as Requests.DateInput) || isMoment(value)
    ? undefined
    : "must be a Date, a DateTime or an ISO 8601 string such as 2023-01-01T00:00:00Z"

const startDate: Rule<Requests.LogsFilter> = (value, request) => {
  const problem = date(value, request)
  if (problem !== undefined || !isMoment(value) || !isMoment(request.endDatetime)) return problem
  return Requests.toEpochMillis(value) <= Requests.toEpochMillis(request.endDatetime)
    ? undefined
    : "must not be after endDatetime"
}

const logsFilter = { startDatetime: startDate, endDatetime: date, isSopChat: flag }
