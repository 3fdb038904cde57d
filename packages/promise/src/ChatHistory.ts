/**
 * The messages of one chat.
 */

/**
 * One message of a chat's history.
 *
 * `type` is `"user"` or `"assistant"` in all answers seen so far; `text` may be empty. What `searchResults` and `tags`
 * hold is not promised by the service: check it where you rely on it.
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
