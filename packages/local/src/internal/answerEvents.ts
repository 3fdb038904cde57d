/**
 * A streamed answer as the platform streams it: one message a piece, in events that are a `data:` line and nothing else.
 */
import { ChatResponse } from "@weavai/effect"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const encode = Schema.encodeEffect(ChatResponse)

/** The text in pieces of one word and the blanks around it; together they are the text, character by character. */
export const pieces = (text: string): ReadonlyArray<string> => text.match(/\s*\S+\s*/g) ?? [text]

/** The events of one answer: its pieces, the last with the search results, then `[DONE]`; `pieceDelay` lies between any two. */
export const answerEvents = (
  answer: ChatResponse,
  pieceDelay: Duration.Duration
): Stream.Stream<string, Schema.SchemaError> => {
  const pause = Duration.isZero(pieceDelay) ? Effect.void : Effect.sleep(pieceDelay)
  return encode(answer).pipe(
    Effect.map((message) => {
      const parts = pieces(answer.text)
      const events = parts.map((text, index) =>
        event({ ...message, text, search_results: index === parts.length - 1 ? message.search_results : [] })
      )
      return [...events, "data: [DONE]\n\n"].entries()
    }),
    Stream.fromIterableEffect,
    Stream.mapEffect(([index, event]) => Effect.as(index === 0 ? Effect.void : pause, event))
  )
}

const event = (message: unknown): string => `data: ${JSON.stringify(message)}\n\n`
