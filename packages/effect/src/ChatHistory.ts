/**
 * The messages of one chat.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { parseTimestamp } from "./internal/timestamp.ts"
import { WireTimestamp } from "./Timestamp.ts"
import { codec, nullish } from "./internal/wire.ts"

/**
 * One message of a chat's history.
 *
 * `type` is `"user"` or `"assistant"` in all answers seen so far; `text` may be empty. What `searchResults` and `tags`
 * hold is not promised by the service: decode them with {@link SearchResult} where you rely on them.
 */
export interface ChatHistoryMessage {
  readonly messageId: string
  readonly chatId: string
  readonly text: string
  readonly timestamp: Date
  readonly type: string
  readonly vote: string
  readonly searchResults: ReadonlyArray<unknown>
  readonly generateButton: boolean | null
  readonly tags: ReadonlyArray<unknown>
}

/** The messages of one chat, in the order the service gives them. */
export interface ChatHistoryResponse {
  readonly messages: ReadonlyArray<ChatHistoryMessage>
}

const MessageWire = Schema.Struct({
  message_id: Schema.String,
  chat_id: Schema.String,
  text: Schema.String,
  timestamp: WireTimestamp,
  type: Schema.String,
  vote: Schema.String,
  search_results: nullish(Schema.Array(Schema.Unknown)),
  generate_button: nullish(Schema.Boolean),
  tags: nullish(Schema.Array(Schema.Unknown))
})

const MessageType = Schema.Struct({
  messageId: Schema.String,
  chatId: Schema.String,
  text: Schema.String,
  timestamp: Schema.Date,
  type: Schema.String,
  vote: Schema.String,
  searchResults: Schema.Array(Schema.Unknown),
  generateButton: Schema.NullOr(Schema.Boolean),
  tags: Schema.Array(Schema.Unknown)
})

// `messages` must be there: any other JSON object, an error body with status 200 say, would pass for an empty history.
const Wire = Schema.Struct({ messages: Schema.NullOr(Schema.Array(MessageWire)) })

const messageFromWire = (wire: typeof MessageWire.Type): ChatHistoryMessage => ({
  messageId: wire.message_id,
  chatId: wire.chat_id,
  text: wire.text,
  timestamp: new Date(parseTimestamp(wire.timestamp)),
  type: wire.type,
  vote: wire.vote,
  searchResults: wire.search_results ?? [],
  generateButton: wire.generate_button ?? null,
  tags: wire.tags ?? []
})

const messageToWire = (value: ChatHistoryMessage): typeof MessageWire.Type => ({
  message_id: value.messageId,
  chat_id: value.chatId,
  text: value.text,
  timestamp: value.timestamp.toISOString(),
  type: value.type,
  vote: value.vote,
  search_results: value.searchResults,
  generate_button: value.generateButton,
  tags: value.tags
})

const fromWire = (wire: typeof Wire.Type): ChatHistoryResponse => ({
  messages: wire.messages?.map(messageFromWire) ?? []
})

/** Schema of {@link ChatHistoryMessage}; its encoded side is the service's JSON. */
export const ChatHistoryMessage: Schema.Codec<ChatHistoryMessage, typeof MessageWire.Encoded> = codec(
  MessageWire,
  MessageType,
  { fromWire: messageFromWire, toWire: messageToWire }
)

/** Schema of {@link ChatHistoryResponse}; its encoded side is the service's JSON. */
export const ChatHistoryResponse: Schema.Codec<ChatHistoryResponse, typeof Wire.Encoded> = codec(
  Wire,
  Schema.Struct({ messages: Schema.Array(MessageType) }),
  { fromWire, toWire: (value) => ({ messages: value.messages.map(messageToWire) }) }
)
