/**
 * A streamed answer for plain callers.
 */
import { type ChatError, type ChatResponse, ChatStream, type WeavConfig } from "@weavai/effect"
import type * as Stream from "effect/Stream"
import type { HttpClient } from "effect/http/HttpClient"
import { iterate } from "./internal/iterate.ts"
import type { Runner } from "./internal/run.ts"

/**
 * A streamed answer: iterate it for its pieces, {@link text} for their text, or await {@link final} for the whole.
 *
 * The message is sent once, when reading begins. There is one reader: a second loop over the same answer throws a
 * `TypeError`. `final` may be called before, during or after a loop.
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
}

/** @internal */
export const makeAnswerStream = <R extends WeavConfig | HttpClient>(
  runner: Runner<R>,
  stream: Stream.Stream<ChatResponse, ChatError, R>,
  signal: AbortSignal | undefined
): AnswerStream => {
  const answer = ChatStream.makeAnswer(maxLength)
  const ended = Promise.withResolvers<ChatResponse>()
  // Whoever reads the pieces hears of a failure there; `final` may never be asked for.
  ended.promise.catch(() => {})
  let isRead = false

  const read = (): AsyncIterableIterator<ChatResponse> => {
    if (isRead) throw new TypeError("This answer is being read already: send the message again to read it twice.")
    isRead = true
    return iterate(runner, stream, signal, {
      onChunk: (chunk) => chunk.forEach(answer.add),
      onEnd(failure) {
        if (failure !== undefined) return ended.reject(failure.error)
        const whole = answer.value()!
        if (whole.text.length < maxLength) return ended.resolve(whole)
        ended.reject(new RangeError(`The answer is longer than ${maxLength} characters: read its pieces instead.`))
      }
    })
  }

  return {
    [Symbol.asyncIterator]: read,
    async *text() {
      for await (const piece of { [Symbol.asyncIterator]: read }) if (piece.text !== "") yield piece.text
    },
    async final() {
      // A loop that begins in the same breath reads the answer; `final` only waits for its end then.
      await Promise.resolve()
      if (!isRead) for (const pieces = read(); !(await pieces.next()).done;);
      return ended.promise
    }
  }
}

/** Beyond this the text is not kept for `final`, so that a long answer that is read piece by piece fills no memory. */
const maxLength = 10_000_000
