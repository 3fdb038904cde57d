/**
 * A response with a bad status, as the error it stands for.
 */
import {
  ApiError,
  type ApiErrorReason,
  type ChatError,
  InvalidRequest,
  NotFound,
  RateLimited,
  type RequestIssue,
  type ResponseDetails,
  ServerError,
  Unauthorized,
  UnexpectedStatus
} from "../ChatError.ts"
import { parseJson } from "./parseJson.ts"

/** The error for a bad status, with what its body says. */
export const statusError = (
  response: Omit<ResponseDetails, "detail">,
  headers: { readonly [name: string]: string },
  /** Bounds a text and takes the token out of it. */
  excerpt: (text: string) => string,
  /** The current time, in milliseconds since the epoch. */
  now: number
): ChatError => {
  const { body, status } = response
  const { detail, issues } = readDetail(body)
  // The token is looked for once more in what was read out of the body: reading undoes escapes.
  const about = { ...response, detail: detail && excerpt(detail), body: excerpt(body) }
  if (status === 401) return new Unauthorized(about)
  if (status === 404) return new NotFound(about)
  if (status === 400 || status === 422) {
    const clean = issues.map(({ field, message }) => ({ field: excerpt(field), message: excerpt(message) }))
    return because(new InvalidRequest({ ...about, issues: clean }))
  }

  const retryAfter = parseRetryAfter(headers["retry-after"], now)
  if (status === 429) return because(new RateLimited({ ...about, retryAfter }))
  if (status >= 500 && status < 600) return because(new ServerError({ ...about, retryAfter }))
  return because(new UnexpectedStatus(about))
}

const because = (reason: ApiErrorReason) => new ApiError({ reason })

/** `Retry-After` in milliseconds: seconds or an HTTP date, from now on. */
export const parseRetryAfter = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header) * 1000
  // `Date.parse` makes a date of almost anything: an HTTP date begins with a weekday.
  const date = /^\s*(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(header) ? Date.parse(header) : NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** FastAPI's two spellings of `detail`, the other fields that services put words in, or the title of a page. */
const readDetail = (
  body: string
): { readonly detail: string | undefined; readonly issues: ReadonlyArray<RequestIssue> } => {
  const json = parseJson(body)
  if (json === undefined) {
    // No part runs past the next tag: in a body of unclosed titles each would be looked for to the very end.
    const title = /<title[^<>]*>([^<]*)<\/title>/i.exec(body)?.[1]?.trim()
    return { detail: title || plainText(body), issues: [] }
  }
  if (typeof json !== "object" || json === null) return { detail: String(json), issues: [] }

  const fields = json as { readonly [field: string]: unknown }
  if (Array.isArray(fields["detail"])) {
    const issues = fields["detail"].slice(0, maxIssues).map(readIssue)
    return { detail: issues.map((issue) => `${issue.field} ${issue.message}`).join("; ") || undefined, issues }
  }
  for (const field of ["detail", "message", "error", "error_description", "title"]) {
    const value = fields[field]
    if (typeof value === "string" && value !== "") return { detail: value, issues: [] }
    if (typeof value === "object" && value !== null) {
      const message = (value as { readonly message?: unknown }).message
      return { detail: typeof message === "string" ? message : print(value), issues: [] }
    }
  }
  return { detail: undefined, issues: [] }
}

/** Who sends more than these wrong fields gets to hear of the first. */
const maxIssues = 20

const readIssue = (item: unknown): RequestIssue => {
  if (typeof item !== "object" || item === null) return { field: "request", message: String(item) }
  const { loc, msg } = item as { readonly loc?: unknown; readonly msg?: unknown }
  const path = Array.isArray(loc) ? loc.filter((step) => typeof step === "string" || typeof step === "number") : []
  return {
    field: path.join(".") || "request",
    message: typeof msg === "string" ? msg : (print(item) ?? "is refused")
  }
}

/** As JSON, which a value that is nested too deep has no more. */
const print = (value: object): string | undefined => {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/** A short body that is no markup speaks for itself. */
const plainText = (body: string): string | undefined => {
  const text = body.trim()
  return text === "" || text.startsWith("<") || text.length > 200 ? undefined : text
}
