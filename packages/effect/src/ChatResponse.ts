/**
 * The answer to one message.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import * as SearchResults from "./SearchResult.ts"
import { parseTimestamp } from "./internal/timestamp.ts"
import { WireTimestamp } from "./Timestamp.ts"
import { codec, nullish } from "./internal/wire.ts"

/**
 * The answer to one message, or one piece of it when it is streamed.
 *
 * `text` is Markdown and may hold stray `<br>` tags. `vote` is `"no vote"` until somebody votes.
 *
 * @example
 * ```ts
 * import type { ChatResponse } from "@weavai/effect"
 *
 * const sources = (reply: ChatResponse) => reply.searchResults.map((source) => source.fileName)
 * ```
 */
export interface ChatResponse {
  readonly messageId: string
  readonly chatId: string
  readonly text: string
  readonly timestamp: Date
  readonly type: string
  readonly vote: string
  readonly searchResults: ReadonlyArray<SearchResults.SearchResult>
  readonly generateButton: string | null
  readonly tags: ReadonlyArray<string>
}

const Wire = Schema.Struct({
  message_id: Schema.String,
  chat_id: Schema.String,
  text: Schema.String,
  timestamp: WireTimestamp,
  type: Schema.String,
  vote: Schema.String,
  search_results: nullish(Schema.Array(SearchResults.Wire)),
  generate_button: nullish(Schema.String),
  tags: nullish(Schema.Array(Schema.String))
})

const Type = Schema.Struct({
  messageId: Schema.String,
  chatId: Schema.String,
  text: Schema.String,
  timestamp: Schema.Date,
  type: Schema.String,
  vote: Schema.String,
  searchResults: Schema.Array(SearchResults.Type),
  generateButton: Schema.NullOr(Schema.String),
  tags: Schema.Array(Schema.String)
})

const fromWire = (wire: typeof Wire.Type): ChatResponse => ({
  messageId: wire.message_id,
  chatId: wire.chat_id,
  text: wire.text,
  timestamp: new Date(parseTimestamp(wire.timestamp)),
  type: wire.type,
  vote: wire.vote,
  searchResults: wire.search_results?.map(SearchResults.fromWire) ?? [],
  generateButton: wire.generate_button ?? null,
  tags: wire.tags ?? []
})

const toWire = (value: ChatResponse): typeof Wire.Type => ({
  message_id: value.messageId,
  chat_id: value.chatId,
  text: value.text,
  timestamp: value.timestamp.toISOString(),
  type: value.type,
  vote: value.vote,
  search_results: value.searchResults.map(SearchResults.toWire),
  generate_button: value.generateButton,
  tags: value.tags
})

/** Schema of {@link ChatResponse}; its encoded side is the service's JSON. */
export const ChatResponse: Schema.Codec<ChatResponse, typeof Wire.Encoded> = codec(Wire, Type, { fromWire, toWire })
