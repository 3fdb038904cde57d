/**
 * What holds of a streamed answer on every client.
 */
import { expect } from "@effect/vitest"
import { ChatOperations, ChatStream, type WeavConfig } from "@weavai/effect"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { HttpClient } from "effect/http/HttpClient"
import { failureOf } from "./client.ts"
import { type RawServer, rawServer, type Script } from "./rawServer.ts"
import { chunk, event, eventStreamHead, lastChunk } from "./responses.ts"
import * as wire from "./wireExamples.ts"

/** What it takes to call a server. */
type ClientFor = (server: RawServer) => Layer.Layer<WeavConfig | HttpClient>

const stream = ChatOperations.streamChat(wire.question)

/** The texts of the pieces, in order, and the failure that came after them. */
export const readToFailure = Effect.fnUntraced(function* (clientFor: ClientFor, script: Script) {
  const server = yield* rawServer(script)
  const texts: Array<string> = []
  const failure = yield* stream.pipe(
    Stream.runForEach(({ text }) => Effect.sync(() => texts.push(text))),
    failureOf,
    Effect.provide(clientFor(server))
  )
  return { texts, failure }
})

/** Expects a piece to be there before the next one is written. */
export const expectAsItIsWritten = Effect.fnUntraced(function* (clientFor: ClientFor) {
  const server = yield* rawServer()
  const first = yield* Deferred.make<string>()
  const answer = yield* stream.pipe(
    Stream.tap((piece) => Deferred.succeed(first, piece.text)),
    ChatStream.collect,
    Effect.provide(clientFor(server)),
    Effect.forkChild
  )
  const { write } = yield* Effect.promise(() => server.received())
  yield* Effect.promise(() => write(eventStreamHead + chunk(event(wire.piece("Hail ")))))
  expect(yield* Deferred.await(first)).toBe("Hail ")
  yield* Effect.promise(() => write(chunk(event(wire.piece("is covered."))) + lastChunk))
  expect((yield* Fiber.join(answer)).text).toBe("Hail is covered.")
})
