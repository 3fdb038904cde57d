/**
 * The log rows of all chats, a page at a time.
 */

/** One row of the chat logs: a message that a user sent or that the assistant answered. */
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
