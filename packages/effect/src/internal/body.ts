/**
 * The bytes of good responses: one JSON document, or an answer in pieces.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ChatError } from "../ChatError.ts"
import type { ChatResponse } from "../ChatResponse.ts"
import { makeAnswerDecoder, type Pieces } from "./answerDecoder.ts"
import { framingFor } from "./framing.ts"
import { describeCause, fail, mediaType, type Progress, type Reply, text, textIfAny, timeoutError } from "./http.ts"
import { makeIdleLimit } from "./idleLimit.ts"
import { invalidResponse, readModel } from "./json.ts"
import { parseJson } from "./parseJson.ts"
import { Unreadable } from "./read.ts"
import type { Reader } from "./readers.ts"
import { type BodyText, openBody, type Sink } from "./responseBody.ts"

/** Reads a body as one JSON document of the contract. */
export const readJson = <A>(reply: Reply, read: Reader<A>): Effect.Effect<A, ChatError> =>
  Effect.flatMap(text(reply), (body) => decodeJson(reply, body, read))

/** Reads the text of a body as one JSON document of the contract. */
export const decodeJson = <A>(
  reply: Reply,
  { isCut, text }: BodyText,
  read: Reader<A>
): Effect.Effect<A, ChatError> => {
  if (isCut) {
    const limit = reply.config.maxBodyLength
    const advice = "ask for less at a time, or raise maxBodyLength"
    return fail(invalidResponse(reply, `the body is longer than ${limit} bytes: ${advice}`, text))
  }
  const json = parseJson(text)
  if (json === undefined) {
    return fail(invalidResponse(reply, text.trim() === "" ? "the body is empty" : "the body is no JSON", text))
  }
  const model = readModel(json, read)
  return model instanceof Unreadable ? fail(invalidResponse(reply, `${model}`, text)) : Effect.succeed(model)
}

/** Reads a body as the pieces of an answer, framed as its content type says, until the scope closes. */
export const readAnswer = (
  reply: Reply,
  pieces: Pieces,
  progress: Progress
): Effect.Effect<Stream.Stream<ChatResponse, ChatError>, ChatError, Scope.Scope> => {
  const contentType = mediaType(reply)
  const framing = framingFor(contentType)
  if (framing === undefined) {
    const type = contentType === "" ? "no content type" : `content type ${contentType}`
    const description = `an answer was expected as an event stream or JSON, got ${type}`
    return Effect.flatMap(textIfAny(reply), (text) => fail(invalidResponse(reply, description, text), progress.sent))
  }
  return Effect.gen(function* () {
    const { timeouts } = reply.config
    const scope = yield* Effect.scope
    const decoder = makeAnswerDecoder(reply, framing, pieces, progress)
    const sink: Sink = {
      takeBytes(bytes) {
        decoder.takeBytes(bytes)
        return !decoder.hasPieces() && decoder.state() === "open"
      },
      takeEnd: decoder.takeEnd,
      takeFailure: (error) =>
        decoder.takeBreak(
          error === undefined
            ? invalidResponse(reply, "the body is empty")
            : describeCause(error, reply.excerpt).description
        )
    }
    const feed = yield* openBody(reply.response, sink, scope)
    // The limit bounds the wait for a piece: comments and other keep-alives do not extend it.
    const limit = yield* makeIdleLimit(scope, timeouts.idle)

    const read: Effect.Effect<void> = Effect.callback((resume) => {
      limit.start(() => {
        decoder.takeBreak(timeoutError(reply.operation, timeouts, "idle", progress).reason)
        resume(Effect.void)
      })
      feed(() => {
        limit.stop()
        resume(Effect.void)
      })
    })
    const emit: Pull.Pull<readonly [ChatResponse, ...Array<ChatResponse>], ChatError> = Effect.suspend(() => {
      if (decoder.hasPieces()) return Effect.succeed(decoder.takePieces() as [ChatResponse, ...Array<ChatResponse>])
      const state = decoder.state()
      if (state === "open") return Effect.andThen(read, emit)
      return state === "ended" ? Cause.done() : Effect.fail(state)
    })
    return Stream.fromPull(Effect.succeed(emit))
  })
}
