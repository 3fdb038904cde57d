import { assert, it, layer } from "@effect/vitest"
import { Chats, Database, Documents, maxPageSize } from "@weavai/local"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { DatabaseSync } from "node:sqlite"
import { policyFolder, question } from "../support/policyFolder.ts"

const storage = (filename?: string) =>
  Chats.layer.pipe(Layer.provideMerge(Documents.layer), Layer.provideMerge(Database.layer({ filename })))

const addPolicy = Effect.gen(function* () {
  const documents = yield* Documents
  return yield* documents.add({
    fileName: "policy.md",
    content: new TextEncoder().encode("The windstorm deductible is $5,000 per occurrence.")
  })
})

const ask = (chatId: string, options?: { readonly isSopChat?: boolean; readonly userId?: string }) =>
  Effect.gen(function* () {
    const { fileId } = yield* addPolicy
    const chats = yield* Chats
    return yield* chats.ask({ userInput: question, chatId, fileId, ...options })
  })

layer(Layer.fresh(storage()))("Chats", (it) => {
  it.effect("answers from the document and keeps question and answer, in this order", () =>
    Effect.gen(function* () {
      const chats = yield* Chats
      const answer = yield* ask("order")
      assert.include(answer.text, "$5,000")
      assert.strictEqual(answer.searchResults[0]?.rank, 1)

      const { messages } = yield* chats.history("order")
      assert.deepStrictEqual(
        messages.map(({ type, text }) => ({ type, text })),
        [
          { type: "user", text: question },
          { type: "assistant", text: answer.text }
        ]
      )
      assert.deepStrictEqual(messages[0]?.searchResults, [])
      assert.strictEqual(messages[1]?.messageId, answer.messageId)
      assert.deepStrictEqual(messages[1]?.timestamp, answer.timestamp)
      // As they are on the wire, which is what a history promises nothing about.
      assert.deepInclude(messages[1]?.searchResults[0], { file_name: "policy.md", page_number: 1, rank: 1 })
    })
  )

  it.effect("refuses an unknown document and then keeps nothing", () =>
    Effect.gen(function* () {
      const chats = yield* Chats
      const error = yield* Effect.flip(chats.ask({ userInput: question, chatId: "never", fileId: "nope" }))
      assert.strictEqual(error._tag, "DocumentNotFound")
      const missing = yield* Effect.flip(chats.history("never"))
      assert.strictEqual(missing._tag, "ChatNotFound")
      assert.include(missing.message, '"never"')
    })
  )

  it.effect("takes a vote, and says when there is no such message", () =>
    Effect.gen(function* () {
      const chats = yield* Chats
      const { messageId, vote } = yield* ask("vote")
      assert.strictEqual(vote, "no vote")
      yield* chats.vote(messageId, "up")
      const { messages } = yield* chats.history("vote")
      assert.deepStrictEqual(
        messages.map((message) => message.vote),
        ["no vote", "up"]
      )
      const error = yield* Effect.flip(chats.vote("nope", "up"))
      assert.strictEqual(error._tag, "MessageNotFound")
    })
  )
})

it.effect("gives no two messages one millisecond, even when the clock stands still or goes back", () =>
  Effect.gen(function* () {
    const chats = yield* Chats
    yield* TestClock.setTime(1_000_000)
    yield* ask("a")
    yield* ask("a")
    yield* TestClock.setTime(5)
    yield* ask("a")
    const { messages } = yield* chats.history("a")
    assert.deepStrictEqual(
      messages.map(({ timestamp }) => timestamp.getTime()),
      [1_000_000, 1_000_001, 1_000_002, 1_000_003, 1_000_004, 1_000_005]
    )
  }).pipe(Effect.provide(Layer.fresh(storage())))
)

it.effect("keeps neither question nor answer when the second cannot be stored", () =>
  Effect.gen(function* () {
    const chats = yield* Chats
    const database = yield* Database
    yield* database.run((sql) =>
      sql.run(
        "CREATE TRIGGER full BEFORE INSERT ON messages WHEN NEW.type = 'assistant' BEGIN SELECT RAISE(ABORT, 'full'); END"
      )
    )
    const error = yield* Effect.flip(ask("half"))
    assert.strictEqual(error._tag, "DatabaseError")
    assert.strictEqual((yield* Effect.flip(chats.history("half")))._tag, "ChatNotFound")
    assert.strictEqual((yield* chats.logs()).totalRecords, 0)
  }).pipe(Effect.provide(Layer.fresh(storage())))
)

it.effect("pages through the log, newest first, and counts all rows on every page", () =>
  Effect.gen(function* () {
    const chats = yield* Chats
    for (const chatId of ["a", "b", "c"]) yield* ask(chatId)
    const whole = yield* chats.logs()
    const pages = yield* Effect.forEach([0, 4, 8], (skip) => chats.logs({ skip, limit: 4 }))

    assert.deepStrictEqual(
      whole.messages.map(({ chatId, type }) => `${chatId} ${type}`),
      ["c assistant", "c user", "b assistant", "b user", "a assistant", "a user"]
    )
    assert.deepStrictEqual(
      pages.flatMap(({ messages }) => messages),
      [...whole.messages]
    )
    assert.deepStrictEqual(
      pages.map(({ messages, totalRecords, currentSkip }) => [messages.length, totalRecords, currentSkip]),
      [
        [4, 6, 0],
        [2, 6, 4],
        [0, 6, 8]
      ]
    )
  }).pipe(Effect.provide(Layer.fresh(storage())))
)

it.effect("pages are right whatever came in between them, through this service or past it", () =>
  Effect.gen(function* () {
    const { data } = yield* policyFolder
    yield* Effect.gen(function* () {
      const chats = yield* Chats
      const allIds = Effect.map(chats.logs({ limit: 1000 }), ({ messages }) => messages.map(({ id }) => id))
      const check = Effect.gen(function* () {
        const ids = yield* allIds
        for (let skip = 0; skip <= ids.length; skip += 3) {
          const page = yield* chats.logs({ skip, limit: 3 })
          assert.deepStrictEqual(
            page.messages.map(({ id }) => id),
            ids.slice(skip, skip + 3)
          )
          assert.strictEqual(page.totalRecords, ids.length)
        }
        return ids.length
      })
      for (let i = 0; i < 4; i++) yield* ask("before")
      assert.strictEqual(yield* check, 8)
      yield* ask("between")
      assert.strictEqual(yield* check, 10)
      const other = new DatabaseSync(data)
      other.exec("DELETE FROM messages WHERE chat_id = 'between'")
      other.close()
      assert.strictEqual(yield* check, 8)
    }).pipe(Effect.provide(Layer.fresh(storage(data))))
  })
)

it.effect("filters the log by time, both ends included, and by kind of chat, and counts what the filter leaves", () =>
  Effect.gen(function* () {
    const chats = yield* Chats
    yield* TestClock.setTime(1_000)
    yield* ask("first")
    yield* TestClock.setTime(2_000)
    yield* ask("second", { isSopChat: true, userId: "ada" })
    const times = (query: Parameters<typeof chats.logs>[0]) =>
      Effect.map(chats.logs(query), ({ messages, totalRecords }) => {
        assert.strictEqual(totalRecords, messages.length)
        return messages.map(({ timestamp, userId }) => `${timestamp.getTime()} ${userId}`)
      })

    assert.deepStrictEqual(yield* times({}), ["1001 local-user", "1000 local-user"])
    assert.deepStrictEqual(yield* times({ isSopChat: true }), ["2001 ada", "2000 ada"])
    assert.deepStrictEqual(yield* times({ startDatetime: new Date(1_001) }), ["1001 local-user"])
    assert.deepStrictEqual(yield* times({ endDatetime: new Date(1_000) }), ["1000 local-user"])
    assert.deepStrictEqual(yield* times({ startDatetime: new Date(1_000), endDatetime: new Date(1_001) }), [
      "1001 local-user",
      "1000 local-user"
    ])
    assert.deepStrictEqual(yield* times({ startDatetime: new Date(1_002) }), [])
    assert.deepStrictEqual(yield* times({ startDatetime: null, endDatetime: null, isSopChat: true, limit: 5 }), [
      "2001 ada",
      "2000 ada"
    ])
  }).pipe(Effect.provide(Layer.fresh(storage())))
)

it.effect("caps a page", () =>
  Effect.gen(function* () {
    const chats = yield* Chats
    const database = yield* Database
    yield* database.transaction((sql) => {
      sql.run("INSERT INTO chats VALUES ('many', 0)")
      for (let i = 0; i < maxPageSize + 1; i++) {
        const insert =
          "INSERT INTO messages (message_id, chat_id, user_id, file_id, type, text, timestamp) VALUES (?, 'many', '', '', 'user', '', ?)"
        sql.run(insert, `${i}`, i)
      }
    })
    const page = yield* chats.logs({ limit: 1_000_000 })
    assert.strictEqual(page.messages.length, maxPageSize)
    assert.strictEqual(page.totalRecords, maxPageSize + 1)
  }).pipe(Effect.provide(Layer.fresh(storage())))
)

it.effect("finds everything again in the file, and goes on after its last timestamp", () =>
  Effect.gen(function* () {
    const { data } = yield* policyFolder
    const open = Layer.fresh(storage(data))
    const before = yield* Effect.gen(function* () {
      const chats = yield* Chats
      yield* TestClock.setTime(9_000)
      const { messageId } = yield* ask("kept")
      yield* chats.vote(messageId, "down")
      return yield* chats.history("kept")
    }).pipe(Effect.provide(open))

    yield* Effect.gen(function* () {
      const chats = yield* Chats
      assert.deepStrictEqual(yield* chats.history("kept"), before)
      yield* TestClock.setTime(0)
      yield* ask("kept")
      const { messages } = yield* chats.history("kept")
      assert.deepStrictEqual(
        messages.map(({ timestamp }) => timestamp.getTime()),
        [9_000, 9_001, 9_002, 9_003]
      )
    }).pipe(Effect.provide(open))
  })
)
