import { assert, describe, it } from "@effect/vitest"
import { Database } from "@weavai/local"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { createInterface } from "node:readline"
import { temporaryFolder } from "../support/temporaryFolder.ts"

const newPath = (name = "chats.db") => join(temporaryFolder(), name)

const use = <A, E>(filename: string | undefined, effect: Effect.Effect<A, E, Database>) =>
  Effect.provide(effect, Database.layer({ filename }))

const insertChat = (id: string) =>
  Database.use((database) => database.run((sql) => sql.run("INSERT INTO chats VALUES (?, ?)", id, 1)))

const chatIds = Database.use((database) =>
  database.run((sql) =>
    sql.all<{ chat_id: string }>("SELECT chat_id FROM chats ORDER BY rowid").map((row) => row.chat_id)
  )
)

const refusal = (filename: string) => Effect.flip(use(filename, chatIds))

/** Opens a file the way any other program would. */
const withSqlite = (path: string, work: (connection: DatabaseSync) => void) => {
  const connection = new DatabaseSync(path)
  work(connection)
  connection.close()
}

describe("Database", () => {
  it.effect("keeps nothing by default", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* use(undefined, Effect.andThen(insertChat("a"), chatIds)), ["a"])
      assert.deepStrictEqual(yield* use(undefined, chatIds), [])
    })
  )

  it.effect("finds everything again when a file is opened anew", () =>
    Effect.gen(function* () {
      const path = newPath()
      yield* use(path, Effect.andThen(insertChat("a"), insertChat("b")))
      assert.deepStrictEqual(yield* use(path, chatIds), ["a", "b"])
    })
  )

  it.effect("writes through to the disk, keeps references intact and marks the file as its own", () =>
    Effect.gen(function* () {
      const path = newPath()
      const pragma = (name: string) =>
        Database.use((database) => database.run((sql) => sql.get<Record<string, unknown>>(`PRAGMA ${name}`)?.[name]))
      const names = ["journal_mode", "synchronous", "foreign_keys", "application_id", "user_version"]
      const values = yield* use(path, Effect.all(names.map(pragma)))
      assert.deepStrictEqual(values, ["wal", 2, 1, 0x57656176, 1])
    })
  )

  it.effect("takes an empty file for a new database", () =>
    Effect.gen(function* () {
      const path = newPath()
      writeFileSync(path, "")
      assert.deepStrictEqual(yield* use(path, Effect.andThen(insertChat("a"), chatIds)), ["a"])
    })
  )

  it.effect("reads a name that looks like a URI as a plain name", () =>
    Effect.gen(function* () {
      const path = newPath("file:x?mode=memory")
      yield* use(path, insertChat("a"))
      assert.deepStrictEqual(yield* use(path, chatIds), ["a"])
    })
  )

  it.effect("lets two servers share a file", () =>
    Effect.gen(function* () {
      const path = newPath()
      const other = yield* Layer.build(Database.layer({ filename: path }))
      yield* use(path, insertChat("a"))
      assert.deepStrictEqual(yield* Effect.provide(chatIds, other), ["a"])
    }).pipe(Effect.scoped)
  )

  it.effect("undoes a whole transaction when one statement of it fails", () =>
    Effect.gen(function* () {
      const database = yield* Database
      const error = yield* Effect.flip(
        database.transaction((sql) => {
          sql.run("INSERT INTO chats VALUES ('a', 1)")
          sql.run("INSERT INTO chats VALUES ('a', 2)")
        })
      )
      assert.strictEqual(error.reason, "Failed")
      assert.include(error.message, "UNIQUE constraint failed: chats.chat_id")
      assert.deepStrictEqual(yield* chatIds, [])
      yield* database.transaction((sql) => sql.run("INSERT INTO chats VALUES ('b', 1)"))
      assert.deepStrictEqual(yield* chatIds, ["b"])
    }).pipe(Effect.provide(Database.layer()))
  )

  it.effect("refuses a message of a chat that does not exist", () =>
    Effect.gen(function* () {
      const database = yield* Database
      const error = yield* Effect.flip(
        database.run((sql) =>
          sql.run(
            `INSERT INTO messages (message_id, chat_id, user_id, file_id, type, text, timestamp)
             VALUES ('m', 'nowhere', 'u', 'f', 'user', 'hello', 1)`
          )
        )
      )
      assert.include(error.message, "FOREIGN KEY constraint failed")
    }).pipe(Effect.provide(Database.layer()))
  )

  it.live("loses nothing it acknowledged when the process is killed", () =>
    Effect.gen(function* () {
      const path = newPath()
      const acknowledged = yield* Effect.promise(() => writeUntilKilled(path, 40))
      const kept = yield* use(path, chatIds)
      assert.isAtLeast(acknowledged.length, 40)
      assert.deepStrictEqual(kept.slice(0, acknowledged.length), acknowledged)
    })
  )

  describe("refuses, and leaves as it was,", () => {
    const unchanged = Effect.fnUntraced(function* (path: string) {
      const before = readFileSync(path)
      const error = yield* refusal(path)
      assert.isTrue(before.equals(readFileSync(path)))
      assert.strictEqual(error.path, path)
      return error
    })

    it.effect("a database of a newer release", () =>
      Effect.gen(function* () {
        const path = newPath()
        yield* use(path, insertChat("a"))
        withSqlite(path, (connection) => connection.exec("PRAGMA user_version = 999"))
        const error = yield* unchanged(path)
        assert.strictEqual(error.reason, "NewerVersion")
        assert.include(error.message, "schema version 999")
      })
    )

    it.effect("a database of another application, with its journal", () =>
      Effect.gen(function* () {
        const path = newPath()
        const owner = new DatabaseSync(path)
        owner.exec("PRAGMA journal_mode = WAL; CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('bread')")
        const journal = readFileSync(`${path}-wal`)
        const error = yield* unchanged(path)
        assert.strictEqual(error.reason, "OtherApplication")
        assert.isTrue(journal.equals(readFileSync(`${path}-wal`)))
        owner.close()
      })
    )

    it.effect("a file that is no database", () =>
      Effect.gen(function* () {
        const path = newPath()
        writeFileSync(path, "Dear diary, ".repeat(500))
        const error = yield* unchanged(path)
        assert.strictEqual(error.reason, "NotADatabase")
        assert.include(error.message, "not a SQLite database")
      })
    )

    it.effect("a damaged database", () =>
      Effect.gen(function* () {
        const path = newPath()
        yield* use(path, insertChat("a"))
        const bytes = readFileSync(path)
        writeFileSync(path, bytes.fill(0xff, 4096, 4096 * 4))
        const error = yield* unchanged(path)
        assert.strictEqual(error.reason, "NotADatabase")
        assert.include(error.message, "damaged")
      })
    )
  })

  it.effect("says why a path cannot be opened", () =>
    Effect.gen(function* () {
      for (const path of [newPath(join("no", "such", "folder.db")), tmpdir()]) {
        const error = yield* refusal(path)
        assert.strictEqual(error.reason, "Unopenable")
        assert.strictEqual(error.path, path)
      }
      assert.strictEqual((yield* refusal("bad\0name.db")).reason, "Unopenable")
    })
  )
})

/** Runs a process that stores one chat after another, kills it without warning, and gives the ids it said it had stored. */
const writeUntilKilled = async (path: string, count: number): Promise<ReadonlyArray<string>> => {
  const script = `
    import * as Effect from "effect/Effect"
    import { writeSync } from "node:fs"
    import { Database } from "./src/Database.ts"
    const store = (i) => Database.use((database) => Effect.map(
      database.transaction((sql) => sql.run("INSERT INTO chats VALUES (?, ?)", "chat" + i, i)),
      () => writeSync(1, "chat" + i + "\\n")
    ))
    Effect.runPromise(Effect.forEach(Array(100000).keys(), store).pipe(Effect.provide(Database.layer({ filename: ${JSON.stringify(path)} }))))`
  const child = spawn(process.execPath, ["--input-type=module", "--conditions=weavai-source", "-e", script], {
    cwd: join(import.meta.dirname, "../../packages/local"),
    stdio: ["ignore", "pipe", "inherit"]
  })
  const acknowledged: Array<string> = []
  for await (const line of createInterface(child.stdout)) {
    acknowledged.push(line)
    if (acknowledged.length === count) child.kill("SIGKILL")
  }
  return acknowledged
}
