/**
 * The bodies of good responses: one JSON document, or an answer in pieces.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { ChatError } from "../ChatError.ts"
import type { ChatResponse } from "../ChatResponse.ts"
import { makeAnswerDecoder, type Pieces } from "./answerDecoder.ts"
import { framingFor } from "./framing.ts"
import { describeCause, fail, mediaType, type Reply, text, textIfAny, timeoutError } from "./http.ts"
import { makeIdleLimit } from "./idleLimit.ts"
import { invalidResponse, parseJson, readModel } from "./json.ts"
import { Unreadable } from "./read.ts"
import type { Reader } from "./readers.ts"

/** Reads a body as one JSON document of the contract. */
export const readJson = <A>(reply: Reply, read: Reader<A>): Effect.Effect<A, ChatError> =>
  Effect.flatMap(text(reply), (text) => {
    const json = parseJson(text)
    if (json === undefined) {
      return fail(invalidResponse(reply, text.trim() === "" ? "the body is empty" : "the body is no JSON", text))
    }
    const model = readModel(json, read)
    return model instanceof Unreadable ? fail(invalidResponse(reply, `${model}`, text)) : Effect.succeed(model)
  })

/** Reads a body as the pieces of an answer, framed as its content type says. */
export const readAnswer = (reply: Reply, pieces: Pieces): Stream.Stream<ChatResponse, ChatError> => {
  const contentType = mediaType(reply)
  const framing = framingFor(contentType)
  if (framing === undefined) {
    const type = contentType === "" ? "no content type" : `content type ${contentType}`
    const description = `an answer was expected as an event stream or JSON, got ${type}`
    return Stream.fromEffect(
      Effect.flatMap(textIfAny(reply), (text) => fail(invalidResponse(reply, description, text)))
    )
  }
  const { timeouts } = reply.config
  return Stream.transformPull(reply.response.stream, (pull, scope) =>
    Effect.map(makeIdleLimit(scope, timeouts.idle), (limit) => {
      const decoder = makeAnswerDecoder(reply, framing, pieces)

      const emit: Pull.Pull<readonly [ChatResponse, ...Array<ChatResponse>], ChatError> = Effect.suspend(() => {
        if (decoder.hasPieces()) return Effect.succeed(decoder.takePieces() as [ChatResponse, ...Array<ChatResponse>])
        const state = decoder.state()
        if (state === "open") return Effect.andThen(read, emit)
        return state === "ended" ? Cause.done() : Effect.fail(state)
      })

      const readOn: Effect.Effect<void> = Effect.matchEffect(pull, {
        onSuccess(chunks) {
          chunks.forEach(decoder.takeBytes)
          return decoder.hasPieces() || decoder.state() !== "open" ? Effect.void : readOn
        },
        onFailure: (error) =>
          Effect.sync(() => {
            if (Cause.isDone(error)) return decoder.takeEnd()
            if (error.reason._tag === "EmptyBodyError")
              return decoder.takeBreak(invalidResponse(reply, "the body is empty"))
            decoder.takeBreak(describeCause(error, reply.excerpt).description)
          })
      })

      // The limit bounds the wait for a piece: comments and other keep-alives do not extend it.
      const read = limit(readOn, () => decoder.takeBreak(timeoutError(reply.operation, timeouts, "idle").reason))
      return emit
    })
  )
}
