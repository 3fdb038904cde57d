/**
 * A streamed answer.
 */
import type { ChatResponse } from "./ChatResponse.ts"
import type { WithResponse } from "./ResponsePromise.ts"

/**
 * A streamed answer: iterate it for its pieces, {@link text} for their text, await {@link final} for the whole, or pass
 * it on with {@link toResponse}.
 *
 * The message is sent once, when reading begins. There is one reader: a second loop over the same answer throws a
 * `TypeError`. `final` may be called before, during or after a loop. Leaving a loop closes the connection; an iterator
 * that is neither read to its end nor left does so when it is collected as garbage.
 *
 * @example
 * ```ts
 * import { createChatClient } from "@weavai/promise"
 *
 * const client = createChatClient({ env: "local", authToken: "any" })
 * const answer = client.streamChat({ userInput: "Is hail covered?", chatId: "chat123", fileId: "file456" })
 * for await (const text of answer.text()) process.stdout.write(text)
 * const { searchResults } = await answer.final()
 * ```
 */
export interface AnswerStream extends AsyncIterable<ChatResponse> {
  /** The pieces of text, without empty ones. */
  readonly text: () => AsyncIterable<string>
  /**
   * The whole answer, once its last piece is there. Reads it if nobody else does. Rejects with a `RangeError` where its
   * text is longer than 10 million characters: read the pieces of such an answer.
   */
  readonly final: () => Promise<ChatResponse>
  /**
   * The pieces as a web stream. It reads on as it is read itself; cancelling it closes the connection. An error of the
   * answer is one of the stream.
   */
  readonly toReadableStream: () => ReadableStream<ChatResponse>
  /**
   * The answer as a response of Server-Sent Events, to be returned by a route handler. Resolves when the first piece is
   * there. Until then it rejects with what the call failed with, so that a handler can answer with a status.
   *
   * Each event is one piece, as the chat service itself writes it (`{"message_id": "…", "text": "…", …}`), and the last is
   * `[DONE]`: a route that takes what the service takes can be called with this client, in a browser, too. Where the answer
   * breaks off, the last event is an `error` that says so and no more; `final` rejects with the reason then. The
   * connection is read on as the response is, and is closed when the response's body is cancelled.
   *
   * `init` overrides the status, 200, and the headers, by which neither caches nor proxies hold events back.
   *
   * @example
   * ```ts
   * import { type ChatRequest, createChatClient } from "@weavai/promise"
   *
   * const client = createChatClient({ env: "local", authToken: "any" })
   *
   * export const POST = async (request: Request): Promise<Response> => {
   *   const message: ChatRequest = await request.json()
   *   return client.streamChat(message, { signal: request.signal }).toResponse()
   * }
   * ```
   */
  readonly toResponse: (init?: ResponseInit) => Promise<Response>
  /** The answer, to be read, and the response that brings it. Sends the message; resolves when the first piece is there. */
  readonly withResponse: () => Promise<WithResponse<AnswerStream>>
}
