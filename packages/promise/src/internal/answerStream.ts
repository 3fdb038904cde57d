/**
 * A streamed answer over the pipeline of the Effect edition.
 */
import { type Answer, makeAnswer } from "@weavai/effect/ChatStream"
import type { AnswerStream } from "../AnswerStream.ts"
import type { ChatResponse } from "../ChatResponse.ts"
import type { ResponseInfo } from "../ResponsePromise.ts"
import type { Observer, Reading } from "./iterate.ts"
import { eventStreamHeaders, toEvents } from "./serverSentEvents.ts"
import { toReadableStream, transform } from "./transform.ts"

export const makeAnswerStream = (
  /** Makes the one that reads the answer. */
  open: (observer: Observer<ChatResponse>) => Reading<ChatResponse>,
  /** The response, once it is there. */
  response: () => Promise<ResponseInfo>
): AnswerStream => {
  const { begun, ended, observer } = follow(makeAnswer(maxLength))
  /** The one reader's, until it comes. It alone holds it then, so that it is missed if it is dropped. */
  let unread: Reading<ChatResponse> | undefined = open(observer)

  const take = (): Reading<ChatResponse> => {
    if (unread === undefined) {
      throw new TypeError("This answer is being read already: send the message again to read it twice.")
    }
    const taken = unread
    unread = undefined
    return taken
  }

  const answer: AnswerStream = {
    [Symbol.asyncIterator]: take,
    text: () => ({ [Symbol.asyncIterator]: () => transform(take(), toTexts) }),
    async final() {
      // A loop that begins in the same breath reads the answer; `final` only waits for its end then.
      await Promise.resolve()
      if (unread !== undefined) for (const pieces = take(); !(await pieces.next()).done;);
      return ended
    },
    toReadableStream: () => toReadableStream(take()),
    async toResponse(init) {
      const pieces = take()
      const headers = new Headers(init?.headers)
      for (const [name, value] of Object.entries(eventStreamHeaders)) if (!headers.has(name)) headers.set(name, value)
      // Made before anything is sent: it throws for an `init` that no response can have.
      const response = new Response(toReadableStream(transform(pieces, toEvents)), { ...init, headers })
      pieces.start()
      await begun
      return response
    },
    async withResponse() {
      unread?.start()
      await begun
      return { data: answer, response: await response() }
    }
  }
  return answer
}

/** Beyond this the text is not kept for `final`, so that a long answer that is read piece by piece fills no memory. */
const maxLength = 10_000_000

/** Puts an answer together while it is read. */
const follow = (answer: Answer) => {
  const begun = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<ChatResponse>()
  // Whoever reads the pieces hears of a failure there; nobody else may ever ask.
  for (const { promise } of [begun, ended]) promise.catch(() => {})

  const observer: Observer<ChatResponse> = {
    onChunk(chunk) {
      chunk.forEach(answer.add)
      begun.resolve()
    },
    onEnd(failure) {
      if (failure !== undefined) {
        begun.reject(failure.error)
        return ended.reject(failure.error)
      }
      const whole = answer.value()!
      if (whole.text.length < maxLength) return ended.resolve(whole)
      ended.reject(new RangeError(`The answer is longer than ${maxLength} characters: read its pieces instead.`))
    }
  }
  return { begun: begun.promise, ended: ended.promise, observer }
}

async function* toTexts(pieces: AsyncIterable<ChatResponse>): AsyncGenerator<string, undefined, void> {
  for await (const piece of pieces) if (piece.text !== "") yield piece.text
}
