/**
 * The walk through all pages of the logs.
 *
 * The service counts rows from the start of a range, so rows that arrive while walking shift what lies behind an offset.
 * Three things keep every row that was there at the start in the walk, once: the range is given an end, so that later
 * rows stay out of it; pages fetched ahead are thrown away when the service's total shows that they may have shifted;
 * rows seen before are dropped. What the service then still withholds is an error, not an early end.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { ApiError, type ChatError } from "../ChatError.ts"
import type { ChatLogsResponse, LogRow } from "../ChatLogs.ts"
import { decodeJson } from "./body.ts"
import type { Reply } from "./http.ts"
import { invalidResponse } from "./json.ts"
import { type Cursor, printCursor } from "./logsCursor.ts"
import { readChatLogsResponse } from "./readers.ts"
import { makeRecentIds } from "./recentIds.ts"
import type { BodyText } from "./responseBody.ts"
import { parseTimestamp } from "./timestamp.ts"
import { invalidRequest } from "./validate.ts"

/** A page that is not decoded yet: as text it takes less memory while it waits for its turn. */
export interface FetchedPage {
  readonly reply: Reply
  readonly body: BodyText
}

export interface Walk<R> {
  /** Fetches the page from row `skip` on, of the rows up to `end`. */
  readonly fetch: (skip: number, limit: number, end: string | undefined) => Effect.Effect<FetchedPage, ChatError, R>
  readonly pageSize: number
  /** How many pages are fetched at a time. */
  readonly concurrency: number
  /** The end of the range that was asked for. */
  readonly end: string | undefined
  /** The row to go on behind. */
  readonly after: Cursor | undefined
}

export const walkLogs = <R>({
  after,
  concurrency,
  end: givenEnd,
  fetch,
  pageSize
}: Walk<R>): Stream.Stream<LogRow, ChatError, R> =>
  Stream.unwrap(
    Effect.map(Effect.scope, (scope) => {
      // A few thousand ids stay in the processor's cache; all pages under way have to be among them.
      const seen = makeRecentIds(Math.max(4000, 2 * (concurrency + 1) * pageSize))
      let ahead: Array<{ readonly skip: number; readonly page: Fiber.Fiber<FetchedPage, ChatError> }> = []
      let size = pageSize
      let end = after?.end ?? givenEnd
      let isPinned = after === undefined
      let isOpenEnded = false
      let start = after?.skip ?? 0
      let totalAtStart: number | undefined
      let total = Infinity
      /** The first row that was not read yet, and the first that was not asked for yet. */
      let next = start
      let planned = start
      let distinct = 0
      let lookingFor = after?.id

      const fetchAhead = Effect.gen(function* () {
        const limit = totalAtStart === undefined ? 1 : concurrency
        while (ahead.length < limit && planned < total) {
          const page = yield* Effect.forkIn(fetch(planned, size, end), scope)
          ahead.push({ skip: planned, page })
          planned += size
        }
      })

      const discardAhead = Effect.suspend(() => {
        const discarded = ahead
        ahead = []
        planned = next
        return Fiber.interruptAll(discarded.map(({ page }) => page))
      })

      const readPage = Effect.gen(function* () {
        yield* fetchAhead
        const { page: fiber, skip } = ahead.shift()!
        const { body, reply } = yield* Fiber.join(fiber)
        const page = yield* decodeJson(reply, body, readChatLogsResponse)
        const { currentSkip, messages } = page
        // Without an end of its own, the walk ends where the range ended at the start: it would chase new rows for ever.
        const totalRecords = isOpenEnded ? Math.min(page.totalRecords, totalAtStart!) : page.totalRecords
        const fail = (description: string) => Effect.fail(new ApiError({ reason: invalidResponse(reply, description) }))

        // An end that leaves out rows that were there at the start came from clocks that are behind the rows'.
        if (isPinned && totalAtStart !== undefined && totalRecords < totalAtStart) {
          isPinned = false
          isOpenEnded = true
          end = givenEnd
          next = skip
          yield* discardAhead
          return { rows: [], reply }
        }

        const fresh = messages.map((row) => seen.add(row.id))
        if (messages.length > 0 && !fresh.includes(true) && currentSkip !== skip) {
          return yield* fail(`rows from ${skip} on were asked for and those from ${currentSkip} on came again`)
        }
        if (messages.length === 0 && skip < totalRecords) {
          return yield* fail(`total_records is ${totalRecords}, but no rows came from ${skip} on`)
        }

        next = skip + messages.length
        if (totalAtStart === undefined) {
          totalAtStart = total = totalRecords
          if (isPinned) end = yield* pinnedEnd(page, reply, givenEnd)
        }
        const hasShifted = totalRecords !== total
        total = totalRecords
        const expected = Math.min(size, total - skip)
        // The service may hand out fewer rows than asked for: that is its page size then.
        if (messages.length > 0 && messages.length < expected) size = messages.length
        if (hasShifted || messages.length !== expected) yield* discardAhead

        const rows: Array<LogRow> = []
        messages.forEach((row, i) => {
          if (!fresh[i]) return
          distinct++
          if (lookingFor === undefined) rows.push({ ...row, cursor: printCursor({ end, skip: skip + i, id: row.id }) })
          else if (lookingFor === row.id) lookingFor = undefined
        })
        yield* fetchAhead
        return { rows, reply }
      })

      const finish = (reply: Reply): Pull.Pull<never, ChatError> => {
        if (lookingFor !== undefined) {
          if (start > 0) return Effect.andThen(Effect.sync(startOver), pull) as Pull.Pull<never, ChatError>
          const message = "is the cursor of a row that the logs do not hold: walk from the start, without a cursor"
          return Effect.fail(invalidRequest("getChatLogs", [{ field: "after", message }]))
        }
        const promised = Math.min(totalAtStart ?? 0, total) - start
        if (distinct < promised) {
          const description = `total_records is ${promised + start}, but only ${distinct + start} different rows came`
          return Effect.fail(new ApiError({ reason: invalidResponse(reply, description) }))
        }
        return Cause.done()
      }

      /** The row to go on behind is not where it was: it is looked for from the first row on. */
      const startOver = () => {
        seen.clear()
        start = next = planned = distinct = 0
      }

      let lastReply: Reply
      const pull: Pull.Pull<readonly [LogRow, ...Array<LogRow>], ChatError, void, R> = Effect.suspend(() =>
        next >= total
          ? finish(lastReply)
          : Effect.flatMap(readPage, ({ reply, rows }) => {
              lastReply = reply
              return rows.length > 0 ? Effect.succeed(rows as [LogRow, ...Array<LogRow>]) : pull
            })
      )
      return Stream.fromPull(Effect.succeed(pull))
    })
  )

/**
 * The end that keeps rows which arrive from now on out of the range. Of all clocks at hand the latest counts: an end
 * that is too late lets a few rows in, which does no harm, one too early would lose rows.
 */
const pinnedEnd = (
  { messages }: ChatLogsResponse,
  { response }: Reply,
  givenEnd: string | undefined
): Effect.Effect<string> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    // The header is cut off after the second, a row's time after the millisecond.
    const serviceTime = Date.parse(response.headers["date"] ?? "") + 1000
    const latest = messages.reduce(
      (latest, row) => Math.max(latest, row.timestamp.getTime() + 1),
      Number.isNaN(serviceTime) ? now : Math.max(now, serviceTime)
    )
    if (givenEnd !== undefined && parseTimestamp(givenEnd) <= latest) return givenEnd
    return new Date(Math.min(latest, lastMoment)).toISOString()
  })

/** The last moment that ISO 8601 writes with a year of four digits. */
const lastMoment = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
