/**
 * The books of a soak: every call that was made and how it ended, in a database of their own, so that they take no
 * memory of the process that is watched and can be held against the service's.
 */
import type { ChatResponse } from "@weavai/effect"
import { DatabaseSync } from "node:sqlite"

export interface Call {
  readonly client: string
  readonly operation: string
}

/** How the calls of one kind ended. */
export interface Tally extends Call {
  readonly outcome: string
  readonly count: number
}

/** What must never have happened, and how often it did. */
export interface Finding {
  readonly what: string
  readonly count: number
}

export interface Ledger extends Disposable {
  /** Enters a call; its number is what makes its message unique. */
  readonly begin: (call: Call) => number
  /** Enters how a call ended: `answered`, or the tag of its error. */
  readonly settle: (id: number, outcome: string, answer?: ChatResponse) => void
  readonly tallies: () => ReadonlyArray<Tally>
  /** Compares the books with the service's database, once nothing is under way any more. */
  readonly audit: (data: string) => ReadonlyArray<Finding>
}

/** The text of the message that a call sends. */
export const textOf = (id: number): string => `What is the windstorm deductible? This is question ${id}.`

export const openLedger = (path: string): Ledger => {
  const database = new DatabaseSync(path)
  database.exec(`
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE calls (
      id INTEGER PRIMARY KEY,
      client TEXT NOT NULL,
      operation TEXT NOT NULL,
      text TEXT,
      endings INTEGER NOT NULL DEFAULT 0,
      outcome TEXT,
      answer_id TEXT,
      answer TEXT
    )`)
  const insert = database.prepare("INSERT INTO calls (id, client, operation, text) VALUES (?, ?, ?, ?)")
  const update = database.prepare(
    "UPDATE calls SET endings = endings + 1, outcome = ?, answer_id = ?, answer = ? WHERE id = ?"
  )
  const tally = database.prepare(`
    SELECT client, operation, coalesce(outcome, 'never ended') AS outcome, count(*) AS count
    FROM calls GROUP BY 1, 2, 3`)
  let calls = 0

  return {
    begin({ client, operation }) {
      const id = ++calls
      insert.run(id, client, operation, isMessage(operation) ? textOf(id) : null)
      return id
    },
    settle(id, outcome, answer) {
      update.run(outcome, answer?.messageId ?? null, answer?.text ?? null, id)
    },
    tallies: () => tally.all() as unknown as ReadonlyArray<Tally>,
    audit(data) {
      database.prepare("ATTACH ? AS service").run(data)
      return Object.entries(audits).map(([what, query]) => ({
        what,
        count: database.prepare(`SELECT count(*) AS count FROM (${query})`).get()!["count"] as number
      }))
    },
    [Symbol.dispose]: () => database.close()
  }
}

const isMessage = (operation: string): boolean => operation === "chat" || operation === "streamChat"

/** Each finds what must not be. */
const audits = {
  "calls that ended never, or twice": "SELECT id FROM calls WHERE endings <> 1",
  "failures other than a ChatError": "SELECT id FROM calls WHERE outcome LIKE 'defect%'",
  "messages stored twice": "SELECT text FROM service.messages WHERE type = 'user' GROUP BY text HAVING count(*) > 1",
  "messages stored that nobody sent":
    "SELECT text FROM service.messages WHERE type = 'user' EXCEPT SELECT text FROM calls",
  // The service answers with a status fault before it acts upon a message.
  "messages stored though refused": `
    SELECT text FROM calls WHERE outcome IN ('RateLimited', 'ServerError')
    INTERSECT SELECT text FROM service.messages WHERE type = 'user'`,
  "messages answered but not stored": `
    SELECT text FROM calls WHERE outcome = 'answered' AND text IS NOT NULL
    EXCEPT SELECT text FROM service.messages WHERE type = 'user'`,
  "answers other than the stored ones": `
    SELECT answer_id, answer FROM calls WHERE outcome = 'answered' AND text IS NOT NULL
    EXCEPT SELECT message_id, text FROM service.messages WHERE type = 'assistant'`,
  "answers given to two calls":
    "SELECT answer_id FROM calls WHERE answer_id IS NOT NULL GROUP BY answer_id HAVING count(*) > 1"
}
