/**
 * Ways to read a streamed answer.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ApiError, InvalidResponse } from "./ChatError.ts"
import type { ChatResponse } from "./ChatResponse.ts"
import { makeAnswer } from "./internal/answer.ts"

export { type Answer, makeAnswer } from "./internal/answer.ts"

/**
 * The pieces of text of a streamed answer; pieces without text are left out.
 *
 * @example
 * ```ts
 * import { ChatOperations, ChatStream } from "@weavai/effect"
 * import { Effect, Stream } from "effect"
 *
 * const print = ChatOperations.streamChat({ userInput: "Is hail covered?", chatId: "chat123", fileId: "file456" }).pipe(
 *   ChatStream.text,
 *   Stream.runForEach((text) => Effect.sync(() => process.stdout.write(text)))
 * )
 * ```
 */
export const text = <E, R>(stream: Stream.Stream<ChatResponse, E, R>): Stream.Stream<string, E, R> =>
  stream.pipe(
    Stream.map((piece) => piece.text),
    Stream.filter((text) => text !== "")
  )

/**
 * The whole answer, put together from its pieces: the texts joined, of all else the last value. It equals what `chat`
 * would have returned. Fails with `InvalidResponse` if there is not a single piece.
 *
 * @example
 * ```ts
 * import { ChatOperations, ChatStream } from "@weavai/effect"
 *
 * const reply = ChatOperations.streamChat({ userInput: "Is hail covered?", chatId: "chat123", fileId: "file456" }).pipe(
 *   ChatStream.collect
 * )
 * ```
 */
export const collect = <E, R>(
  stream: Stream.Stream<ChatResponse, E, R>
): Effect.Effect<ChatResponse, E | ApiError, R> =>
  Effect.suspend(() => {
    const answer = makeAnswer()
    return Effect.flatMap(
      Stream.runForEach(stream, (piece) => Effect.sync(() => answer.add(piece))),
      () => {
        const value = answer.value()
        return value === null ? Effect.fail(noPiece()) : Effect.succeed(value)
      }
    )
  })

const noPiece = () =>
  new ApiError({
    reason: new InvalidResponse({
      operation: "streamChat",
      status: 200,
      description: "the stream holds no piece of an answer",
      body: ""
    })
  })
