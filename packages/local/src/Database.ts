/**
 * The service's storage: one SQLite database, in memory or in a file.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { readFileSync, statSync } from "node:fs"
import { resolve } from "node:path"
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite"
import { migrations } from "./internal/migrations.ts"

/**
 * Why the database could not be opened, or a statement not be run.
 *
 * `reason` is for programs: `Unopenable` (no such folder, a directory, no permission), `NotADatabase` (another kind of file, or a
 * damaged one), `OtherApplication` (some other program's database), `NewerVersion` (written by a newer release of this package),
 * `DiskFull` (the disk takes no more data), `Busy` (another program kept the file locked for too long) and `Failed` (a statement
 * failed for another reason: a constraint, a damaged page). `message` says it in words, with what to do. A file that is refused is
 * left as it was, byte for byte, and work that failed has changed nothing.
 *
 * @example
 * ```ts
 * import { Database } from "@weavai/local"
 * import { Effect, Layer } from "effect"
 *
 * const server = Layer.launch(Database.layer({ filename: "chats.db" })).pipe(
 *   Effect.catchTag("DatabaseError", (error) => Effect.logError(`${error.path}: ${error.message}`))
 * )
 * ```
 */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  reason: Schema.Literals([
    "Unopenable",
    "NotADatabase",
    "OtherApplication",
    "NewerVersion",
    "DiskFull",
    "Busy",
    "Failed"
  ]),
  message: Schema.String,
  path: Schema.String,
  /** What the system or SQLite said. */
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** A row as SQLite gives it: column name to value. */
export type Row = Readonly<Record<string, SQLOutputValue>>

/**
 * Runs single statements; each text is prepared once and kept. Values are bound in order to the `?` of the statement. `A` names the
 * shape of a row, which is the statement's to keep: nothing checks it at run time.
 */
export interface Sql {
  /** All rows of a query. */
  readonly all: <A = Row>(statement: string, ...values: ReadonlyArray<SQLInputValue>) => ReadonlyArray<A>
  /** The first row of a query, if there is one. */
  readonly get: <A = Row>(statement: string, ...values: ReadonlyArray<SQLInputValue>) => A | undefined
  /** Runs a statement that returns no rows; tells how many rows it changed and the rowid it inserted last. */
  readonly run: (
    statement: string,
    ...values: ReadonlyArray<SQLInputValue>
  ) => { readonly changes: number; readonly lastInsertRowid: number }
}

/** Where the database lives. */
export interface DatabaseOptions {
  /** Path of the database file, created if there is none; its folder has to exist. `":memory:"` (the default) keeps nothing. */
  readonly filename?: string | undefined
}

/**
 * One open SQLite database. Work is synchronous: what one `run` or `transaction` does, nothing else comes in between.
 * What was committed survives a crash of the process or the machine.
 *
 * @example
 * ```ts
 * import { Database } from "@weavai/local"
 * import { Effect } from "effect"
 *
 * const count = Effect.gen(function* () {
 *   const database = yield* Database
 *   return yield* database.run((sql) => sql.get<{ n: number }>("SELECT count(*) AS n FROM messages")?.n)
 * })
 * const program = count.pipe(Effect.provide(Database.layer({ filename: "chats.db" })))
 * ```
 */
export class Database extends Context.Service<
  Database,
  {
    /** The absolute path of the file, or `":memory:"`. */
    readonly path: string
    /** Runs statements outside a transaction: each one is its own, and fails at once where another program has the file locked. */
    readonly run: <A>(work: (sql: Sql) => A) => Effect.Effect<A, DatabaseError>
    /**
     * Runs statements in one transaction: all of them take effect, or (when `work` throws) none. Waits up to five seconds for
     * another program to be done with the file; `work` may then run anew. Do not nest.
     */
    readonly transaction: <A>(work: (sql: Sql) => A) => Effect.Effect<A, DatabaseError>
  }
>()("@weavai/local/Database") {
  /** Opens the database for as long as the layer's scope lives, and brings it to this version's schema. */
  static readonly layer = (options: DatabaseOptions = {}): Layer.Layer<Database, DatabaseError> =>
    Layer.effect(Database, open(options.filename ?? memory))
}

const memory = ":memory:"

/** Marks a file as ours: "Weav" in ASCII. */
const applicationId = 0x57656176

const open = Effect.fnUntraced(function* (filename: string) {
  // An absolute path also keeps SQLite from reading a name like `file:x?mode=ro` as a URI with options.
  const path = filename === memory ? memory : resolve(filename)
  const opening = <A>(work: () => A) => Effect.try({ try: work, catch: (cause) => unopened(path, cause) })
  const running = <A>(work: () => A) => Effect.try({ try: work, catch: (cause) => failed(path, cause) })

  if (path !== memory) yield* opening(() => inspect(path))
  const connection = yield* Effect.acquireRelease(
    opening(() => new DatabaseSync(path)),
    (connection) => Effect.sync(() => connection.close())
  )
  yield* opening(() => {
    connection.exec("PRAGMA busy_timeout = 5000")
    // Looked at again: another program may have made the file its own since.
    checkVersion(connection, path)
    connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
    migrate(connection, path)
    // SQLite would hold up the whole program. From here on transactions wait on their own fibers.
    connection.exec("PRAGMA busy_timeout = 0")
  })
  const sql = makeSql(connection)
  return Database.of({
    path,
    run: (work) => running(() => work(sql)),
    transaction: (work) =>
      Effect.retry(
        running(() => atomically(connection, () => work(sql))),
        whileBusy
      )
  })
})

const whileBusy = {
  while: (error: DatabaseError) => error.reason === "Busy",
  schedule: Schedule.min([Schedule.exponential("2 millis"), Schedule.spaced("50 millis")]).pipe(
    Schedule.jittered,
    Schedule.upTo({ duration: "5 seconds" })
  )
}

/**
 * Refuses a file that is not ours to write. Looks through a read-only connection, because a writable one may replay and remove
 * the journal of a file that is then refused.
 */
const inspect = (path: string): void => {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0 || wasEmpty(path)) return
  // SQLite would take a single byte for an empty database.
  if (size < smallest) throw notADatabase(path, "The file is not a SQLite database")
  const connection = new DatabaseSync(path, { readOnly: true })
  try {
    connection.exec("PRAGMA busy_timeout = 5000")
    checkVersion(connection, path)
    const check = connection.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]
    if (check !== "ok") throw notADatabase(path, `The file is damaged (${String(check).split("\n").at(-1)})`)
  } finally {
    connection.close()
  }
}

/** The size in bytes of a database of one page, the smallest there can be. */
const smallest = 512

/**
 * Whether the program that created the file was killed over its first page. The journal that is left then tells that there was none
 * before, and SQLite will undo that page; only it cannot through the read-only connection of {@link inspect}.
 */
const wasEmpty = (path: string): boolean => {
  const journal = `${path}-journal`
  if (!statSync(journal, { throwIfNoEntry: false })?.isFile()) return false
  const header = readFileSync(journal)
  return header.length >= 20 && header.readUInt32BE(0) === 0xd9d505f9 && header.readUInt32BE(16) === 0
}

/** The schema version of the database: 0 for an empty one. Throws a `DatabaseError` for any that is not ours or too new. */
const checkVersion = (connection: DatabaseSync, path: string): number => {
  const state = connection.prepare(readState).get()
  const version = Number(state?.["user_version"])
  const id = Number(state?.["application_id"])
  const isEmpty = state?.["is_empty"] === 1
  if (id !== applicationId && !(id === 0 && version === 0 && isEmpty)) {
    const message = "This is a database of another application. Name another file, or one that does not exist yet."
    throw new DatabaseError({ reason: "OtherApplication", path, message })
  }
  if (version > migrations.length) {
    const message =
      `The database has schema version ${version}, and this release of @weavai/local knows versions up to ${migrations.length}. ` +
      "Use the release that wrote it or a newer one, or name another file."
    throw new DatabaseError({ reason: "NewerVersion", path, message })
  }
  return version
}

// In one statement: another process may be making the file its own at this moment.
const readState = `
  SELECT application_id, user_version, NOT EXISTS (SELECT 1 FROM sqlite_schema) AS is_empty
  FROM pragma_application_id, pragma_user_version`

const migrate = (connection: DatabaseSync, path: string): void => {
  // Asked again inside each transaction: another process may be opening the same new file at this moment.
  const step = () => {
    const version = checkVersion(connection, path)
    const migration = migrations[version]
    if (migration === undefined) return false
    connection.exec(`${migration}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version + 1}`)
    return true
  }
  while (atomically(connection, step));
}

const atomically = <A>(connection: DatabaseSync, work: () => A): A => {
  connection.exec("BEGIN IMMEDIATE")
  try {
    const result = work()
    connection.exec("COMMIT")
    return result
  } catch (error) {
    // SQLite has rolled back by itself after some errors, a full disk among them.
    if (connection.isTransaction) connection.exec("ROLLBACK")
    throw error
  }
}

const makeSql = (connection: DatabaseSync): Sql => {
  const statements = new Map<string, StatementSync>()
  const prepare = (text: string): StatementSync => {
    const known = statements.get(text)
    if (known !== undefined) return known
    const statement = connection.prepare(text)
    statements.set(text, statement)
    return statement
  }
  return {
    all: <A>(text: string, ...values: ReadonlyArray<SQLInputValue>) => prepare(text).all(...values) as Array<A>,
    get: <A>(text: string, ...values: ReadonlyArray<SQLInputValue>) => prepare(text).get(...values) as A | undefined,
    run: (text, ...values) => {
      const { changes, lastInsertRowid } = prepare(text).run(...values)
      return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) }
    }
  }
}

const notADatabase = (path: string, what: string, cause?: unknown) =>
  new DatabaseError({
    reason: "NotADatabase",
    path,
    message: `${what}. Name another file, or one that does not exist yet, or restore it from a backup.`,
    ...(cause !== undefined && { cause })
  })

const unopened = (path: string, cause: unknown): DatabaseError => {
  if (cause instanceof DatabaseError) return cause
  const code = resultCode(cause)
  if (code === SQLITE_NOTADB) return notADatabase(path, "The file is not a SQLite database", cause)
  if (code === SQLITE_CORRUPT) return notADatabase(path, "The file is damaged", cause)
  if (hasCode(cause, SQLITE_READONLY_ROLLBACK)) {
    const message = "Another application left a write to this database half done. Open it there, or name another file."
    return new DatabaseError({ reason: "OtherApplication", path, message, cause })
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `Cannot open the database (${why}). It has to be a file, in a folder that exists, that this user may read and write.`
  return passing(path, cause) ?? new DatabaseError({ reason: "Unopenable", path, message, cause })
}

/** Types what SQLite throws. Anything else is a mistake in the caller's code and goes on as a defect. */
const failed = (path: string, cause: unknown): DatabaseError => {
  if (!(cause instanceof Error) || (resultCode(cause) === undefined && !isClosed(cause))) throw cause
  const message = `The database refused: ${cause.message}`
  return passing(path, cause) ?? new DatabaseError({ reason: "Failed", path, message, cause })
}

/** What may be gone by itself, or by another's doing, when it is tried again. */
const passing = (path: string, cause: unknown): DatabaseError | undefined => {
  if (fullDisk.some((code) => hasCode(cause, code))) {
    const message = "The disk takes no more data. Nothing of this was stored. Make room on it and try again."
    return new DatabaseError({ reason: "DiskFull", path, message, cause })
  }
  if (resultCode(cause) !== SQLITE_BUSY) return undefined
  const message =
    "Another program keeps the database locked. Nothing of this was stored. Try again when that program is done."
  return new DatabaseError({ reason: "Busy", path, message, cause })
}

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26
const SQLITE_READONLY_ROLLBACK = 776
const SQLITE_IOERR_WRITE = 778
const SQLITE_IOERR_SHMSIZE = 4874

/** A quota, or a limit on the size of files, shows as a failed write. */
const fullDisk = [SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_SHMSIZE]

const hasCode = (cause: unknown, code: number): boolean =>
  Predicate.hasProperty(cause, "errcode") && cause.errcode === code

/** SQLite's primary result code; an extended one has it in its lowest byte. */
const resultCode = (cause: unknown): number | undefined =>
  Predicate.hasProperty(cause, "errcode") ? Number(cause.errcode) & 0xff : undefined

const isClosed = (cause: Error): boolean => Predicate.hasProperty(cause, "code") && cause.code === "ERR_INVALID_STATE"
