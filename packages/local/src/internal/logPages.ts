/**
 * Pages of the log rows, newest first. The total of a range and the place where each page ended are remembered until
 * the data changes: SQLite would count all rows for each total, and step over all that come before a page.
 */
import type { Sql } from "../Database.ts"

/** Rows of ordinary or of SOP chats, from one moment to another, both included, in milliseconds since 1970. */
export interface LogRange {
  readonly isSopChat: boolean
  readonly from: number
  readonly to: number
}

export interface LogRow {
  readonly seq: number
  readonly message_id: string
  readonly chat_id: string
  readonly user_id: string
  readonly type: string
  readonly text: string
  readonly timestamp: number
  readonly vote: string
  readonly valid: 0 | 1 | null
  readonly tags: string
}

export interface LogPage {
  readonly rows: ReadonlyArray<LogRow>
  readonly total: number
}

/** Makes a reader of pages; one serves one database. */
export const makeLogPages = (): ((sql: Sql, range: LogRange, skip: number, limit: number) => LogPage) => {
  const totals = new Map<string, number>()
  const ends = new Map<string, LogRow>()
  let version = ""

  return (sql, range, skip, limit) => {
    const current = JSON.stringify(sql.get(ownChanges)) + JSON.stringify(sql.get(othersChanges))
    if (current !== version || ends.size > 10_000) {
      version = current
      totals.clear()
      ends.clear()
    }
    const filter = [Number(range.isSopChat), range.from, range.to] as const
    const key = filter.join()
    const total = totals.get(key) ?? sql.get<{ readonly total: number }>(countRows, ...filter)?.total ?? 0
    totals.set(key, total)

    // Pages that are asked for at the same time may come in any order: an end a few pages before will do.
    let start = skip
    let before = ends.get(`${key}@${start}`)
    for (let pages = 0; before === undefined && pages < 8 && start > limit; pages++) {
      start -= limit
      before = ends.get(`${key}@${start}`)
    }
    const rows =
      before === undefined
        ? sql.all<LogRow>(selectFrom, ...filter, limit, skip)
        : sql.all<LogRow>(selectBehind, filter[0], range.from, before.timestamp, before.seq, limit, skip - start)
    const last = rows.at(-1)
    if (last !== undefined) ends.set(`${key}@${skip + rows.length}`, last)
    return { rows, total }
  }
}

const ownChanges = "SELECT total_changes() AS changes"
const othersChanges = "PRAGMA data_version"

const inRange = "FROM messages WHERE is_sop_chat = ? AND timestamp >= ? AND timestamp <= ?"
const columns = "SELECT seq, message_id, timestamp, type, valid, vote, chat_id, user_id, tags, text"
const newestFirst = "ORDER BY timestamp DESC, seq DESC LIMIT ? OFFSET ?"
const countRows = `SELECT count(*) AS total ${inRange}`
const selectFrom = `${columns} ${inRange} ${newestFirst}`
// The row before the page bounds the timestamp as well: by the pair alone SQLite would step over all rows from the newest on.
const selectBehind = `${columns} ${inRange} AND (timestamp, seq) < (?3, ?) ${newestFirst}`
