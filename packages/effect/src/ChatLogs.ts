/**
 * The log rows of all chats, a page at a time.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { parseTimestamp } from "./internal/timestamp.ts"
import { WireTimestamp } from "./Timestamp.ts"
import { codec, nullish } from "./internal/wire.ts"

/**
 * One row of the chat logs: a message that a user sent or that the assistant answered.
 *
 * @example
 * ```ts
 * import type { Message } from "@weavai/effect"
 *
 * const csv = (row: Message) => [row.timestamp.toISOString(), row.userId, row.vote, JSON.stringify(row.text)].join(",")
 * ```
 */
export interface Message {
  readonly id: string
  readonly timestamp: Date
  readonly type: string
  readonly valid: boolean | null
  readonly vote: string
  readonly chatId: string
  readonly userId: string
  readonly tags: ReadonlyArray<string>
  readonly text: string
}

/** A row of a walk through the logs. `cursor` is where to go on behind it: keep it to resume the walk later. */
export interface LogRow extends Message {
  readonly cursor: string
}

/** One page of the chat logs. `totalRecords` counts the rows of all pages, `currentSkip` those before this page. */
export interface ChatLogsResponse {
  readonly messages: ReadonlyArray<Message>
  readonly totalRecords: number
  readonly currentSkip: number
}

const MessageWire = Schema.Struct({
  id: Schema.String,
  timestamp: WireTimestamp,
  type: Schema.String,
  valid: nullish(Schema.Boolean),
  vote: Schema.String,
  chat_id: Schema.String,
  user_id: Schema.String,
  tags: nullish(Schema.Array(Schema.String)),
  text: Schema.String
})

const MessageType = Schema.Struct({
  id: Schema.String,
  timestamp: Schema.Date,
  type: Schema.String,
  valid: Schema.NullOr(Schema.Boolean),
  vote: Schema.String,
  chatId: Schema.String,
  userId: Schema.String,
  tags: Schema.Array(Schema.String),
  text: Schema.String
})

const Wire = Schema.Struct({
  messages: nullish(Schema.Array(MessageWire)),
  total_records: Schema.Int,
  current_skip: Schema.Int
})

const messageFromWire = (wire: typeof MessageWire.Type): Message => ({
  id: wire.id,
  timestamp: new Date(parseTimestamp(wire.timestamp)),
  type: wire.type,
  valid: wire.valid ?? null,
  vote: wire.vote,
  chatId: wire.chat_id,
  userId: wire.user_id,
  tags: wire.tags ?? [],
  text: wire.text
})

const messageToWire = (value: Message): typeof MessageWire.Type => ({
  id: value.id,
  timestamp: value.timestamp.toISOString(),
  type: value.type,
  valid: value.valid,
  vote: value.vote,
  chat_id: value.chatId,
  user_id: value.userId,
  tags: value.tags,
  text: value.text
})

const fromWire = (wire: typeof Wire.Type): ChatLogsResponse => ({
  messages: wire.messages?.map(messageFromWire) ?? [],
  totalRecords: wire.total_records,
  currentSkip: wire.current_skip
})

const toWire = (value: ChatLogsResponse): typeof Wire.Type => ({
  messages: value.messages.map(messageToWire),
  total_records: value.totalRecords,
  current_skip: value.currentSkip
})

/** Schema of {@link Message}; its encoded side is the service's JSON. */
export const Message: Schema.Codec<Message, typeof MessageWire.Encoded> = codec(MessageWire, MessageType, {
  fromWire: messageFromWire,
  toWire: messageToWire
})

/** Schema of {@link ChatLogsResponse}; its encoded side is the service's JSON. */
export const ChatLogsResponse: Schema.Codec<ChatLogsResponse, typeof Wire.Encoded> = codec(
  Wire,
  Schema.Struct({ messages: Schema.Array(MessageType), totalRecords: Schema.Int, currentSkip: Schema.Int }),
  { fromWire, toWire }
)
