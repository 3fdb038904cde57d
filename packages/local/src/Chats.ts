/**
 * The chats: what was asked, what was answered, and the log of it all.
 */
import { type ChatHistoryResponse, type ChatLogsResponse, type ChatResponse, SearchResult } from "@weavai/effect"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Answer from "./Answer.ts"
import { Database, type DatabaseError, type Sql } from "./Database.ts"
import { type DocumentNotFound, Documents } from "./Documents.ts"
import { makeLogPages } from "./internal/logPages.ts"

/** Nobody has asked anything in a chat of this id. */
export class ChatNotFound extends Schema.TaggedError<ChatNotFound>()("ChatNotFound", { chatId: Schema.String }) {
  override get message(): string {
    return `There is no chat "${this.chatId}". A chat begins with the first message sent to it.`
  }
}

/** No chat holds a message of this id. */
export class MessageNotFound extends Schema.TaggedError<MessageNotFound>()("MessageNotFound", {
  messageId: Schema.String
}) {
  override get message(): string {
    return `There is no message "${this.messageId}".`
  }
}

/** One message to a chat. */
export interface Question {
  readonly userInput: string
  /** Free text; the chat is begun when there is none of this id. */
  readonly chatId: string
  /** The document to ask. */
  readonly fileId: string
  /** Who asks. Default `"local-user"`. */
  readonly userId?: string
  /** Marks both messages for the filter of {@link LogsQuery}. Default `false`. */
  readonly isSopChat?: boolean
}

/** Which rows of the log to give. */
export interface LogsQuery {
  /** How many of the newest rows to leave out. Default 0. */
  readonly skip?: number | undefined
  /** The most rows to give. Default 25; more than {@link maxPageSize} count as that many. */
  readonly limit?: number | undefined
  /** Only rows of this moment or later. */
  readonly startDatetime?: Date | null | undefined
  /** Only rows of this moment or earlier. */
  readonly endDatetime?: Date | null | undefined
  /** Rows of SOP chats only (`true`), or of all other chats only (`false`, the default). */
  readonly isSopChat?: boolean | undefined
}

/** The page size taken when a query names none. */
export const defaultPageSize = 25

/** The largest page of the log. */
export const maxPageSize = 1000

/** The user of a question that names none. */
export const defaultUserId = "local-user"

/**
 * The chats, kept in the {@link Database}.
 *
 * @example
 * ```ts
 * import { Chats } from "@weavai/local"
 * import { Effect } from "effect"
 *
 * const ask = Effect.fn("ask")(function* (fileId: string) {
 *   const chats = yield* Chats
 *   const answer = yield* chats.ask({ userInput: "What is the deductible?", chatId: "chat123", fileId })
 *   yield* chats.vote(answer.messageId, "up")
 *   return yield* chats.history("chat123")
 * })
 * ```
 */
export class Chats extends Context.Service<
  Chats,
  {
    /** Answers a question. The question and its answer are stored, both or neither, when the effect succeeds. */
    readonly ask: (question: Question) => Effect.Effect<ChatResponse, DocumentNotFound | DatabaseError>
    /** All messages of one chat, oldest first. */
    readonly history: (chatId: string) => Effect.Effect<ChatHistoryResponse, ChatNotFound | DatabaseError>
    /** One page of the messages of all chats, newest first, and how many there are in all pages. */
    readonly logs: (query?: LogsQuery) => Effect.Effect<ChatLogsResponse, DatabaseError>
    /** Replaces the vote on a message: any word, `"no vote"` until somebody votes. */
    readonly vote: (messageId: string, vote: string) => Effect.Effect<void, MessageNotFound | DatabaseError>
  }
>()("@weavai/local/Chats") {
  static readonly layer: Layer.Layer<Chats, never, Database | Documents> = Layer.effect(
    Chats,
    Effect.gen(function* () {
      const database = yield* Database
      const documents = yield* Documents

      const ask = Effect.fn("Chats.ask")(function* (question: Question) {
        const found = yield* documents.search(question.fileId, question.userInput)
        const { text, searchResults } = Answer.compose({ ...found, question: question.userInput })
        const now = yield* Clock.currentTimeMillis
        return yield* database.transaction((sql): ChatResponse => {
          // No two messages share a millisecond, whoever writes to this file: the order of timestamps is the order of messages.
          const last = sql.get<Pick<MessageRow, "timestamp">>(newest)?.timestamp ?? Number.NEGATIVE_INFINITY
          const asked = Math.max(now, last + 1)
          const answered = asked + 1
          const answer = { messageId: crypto.randomUUID(), text, searchResults }
          sql.run(beginChat, question.chatId, asked)
          insert(sql, question, {
            messageId: crypto.randomUUID(),
            type: "user",
            text: question.userInput,
            timestamp: asked
          })
          insert(sql, question, { ...answer, type: "assistant", timestamp: answered })
          return {
            ...answer,
            chatId: question.chatId,
            timestamp: new Date(answered),
            type: "assistant",
            vote: "no vote",
            generateButton: null,
            tags: []
          }
        })
      })

      const history = Effect.fn("Chats.history")(function* (chatId: string) {
        const rows = yield* database.run((sql) => sql.all<MessageRow>(selectChat, chatId))
        if (rows.length === 0) return yield* new ChatNotFound({ chatId })
        return {
          messages: rows.map((row) => ({
            messageId: row.message_id,
            chatId,
            text: row.text,
            timestamp: new Date(row.timestamp),
            type: row.type,
            vote: row.vote,
            searchResults: JSON.parse(row.search_results),
            generateButton: null,
            tags: JSON.parse(row.tags)
          }))
        }
      })

      const readPage = makeLogPages()

      const logs = Effect.fn("Chats.logs")(function* ({
        skip = 0,
        limit = defaultPageSize,
        startDatetime,
        endDatetime,
        isSopChat = false
      }: LogsQuery = {}) {
        const range = {
          isSopChat,
          from: startDatetime?.getTime() ?? -maxTime,
          to: endDatetime?.getTime() ?? maxTime
        }
        const { rows, total } = yield* database.run((sql) => readPage(sql, range, skip, Math.min(limit, maxPageSize)))
        return {
          messages: rows.map((row) => ({
            id: row.message_id,
            timestamp: new Date(row.timestamp),
            type: row.type,
            valid: row.valid === null ? null : row.valid === 1,
            vote: row.vote,
            chatId: row.chat_id,
            userId: row.user_id,
            tags: JSON.parse(row.tags),
            text: row.text
          })),
          totalRecords: total,
          currentSkip: skip
        }
      })

      const vote = Effect.fn("Chats.vote")(function* (messageId: string, vote: string) {
        const { changes } = yield* database.transaction((sql) => sql.run(updateVote, vote, messageId))
        if (changes === 0) return yield* new MessageNotFound({ messageId })
      })

      return Chats.of({ ask, history, logs, vote })
    })
  )
}

interface MessageRow {
  readonly message_id: string
  readonly type: string
  readonly text: string
  readonly timestamp: number
  readonly vote: string
  readonly search_results: string
  readonly tags: string
}

/** The farthest moment from 1970 that a `Date` can name, in milliseconds. */
const maxTime = 8.64e15

const newest = "SELECT timestamp FROM messages ORDER BY seq DESC LIMIT 1"
const beginChat = "INSERT INTO chats (chat_id, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING"
const insertMessage = `
  INSERT INTO messages (message_id, chat_id, user_id, file_id, type, text, timestamp, search_results, is_sop_chat)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
const selectChat = "SELECT * FROM messages WHERE chat_id = ? ORDER BY seq"
const updateVote = "UPDATE messages SET vote = ? WHERE message_id = ?"

interface NewMessage {
  readonly messageId: string
  readonly type: "user" | "assistant"
  readonly text: string
  readonly timestamp: number
  readonly searchResults?: ReadonlyArray<SearchResult>
}

/** The history gives search results as they are on the wire, so that is how they are kept. */
const encodeSearchResults = Schema.encodeSync(Schema.fromJsonString(Schema.Array(SearchResult)))

const insert = (sql: Sql, question: Question, message: NewMessage): void => {
  sql.run(
    insertMessage,
    message.messageId,
    question.chatId,
    question.userId ?? defaultUserId,
    question.fileId,
    message.type,
    message.text,
    message.timestamp,
    encodeSearchResults(message.searchResults ?? []),
    Number(question.isSopChat ?? false)
  )
}
