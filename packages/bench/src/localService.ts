/**
 * `@weavai/local` on a database file of so many log rows, which it fills first where it is new.
 */
import { Database, LocalServer } from "@weavai/local"
import * as Effect from "effect/Effect"
import { serveAt } from "./service.ts"

const [, , data, rowCount] = process.argv

const fill = Effect.gen(function* () {
  const database = yield* Database
  yield* database.transaction((sql) => {
    sql.run("INSERT INTO chats (chat_id, created_at) VALUES ('chat123', 0)")
    for (let i = 0; i < Number(rowCount); i++) {
      sql.run(
        "INSERT INTO messages (message_id, chat_id, user_id, file_id, type, text, timestamp) VALUES (?, 'chat123', ?, ?, ?, ?, ?)",
        crypto.randomUUID(),
        `user${i % 100}`,
        "66e0fba3089fbd21c4dd80c3",
        i % 2 === 0 ? "user" : "assistant",
        `Row ${i}: is hail damage covered, and what is the deductible for a roof that is older than fifteen years?`,
        Date.UTC(2024, 0, 1) + i * 60_000
      )
    }
  })
})

const serve = Effect.gen(function* () {
  const { url } = yield* LocalServer
  serveAt(url)
  return yield* Effect.never
})

await fill.pipe(
  Effect.provide(Database.layer({ filename: data })),
  Effect.andThen(Effect.provide(serve, LocalServer.layer({ port: 0, data }))),
  Effect.runPromise
)
