/**
 * For the tests of programs that use the SDK: a chat service that answers from a script, and cassettes that record
 * exchanges with a real one and replay them. Neither needs a network; the operations run as they do in production.
 *
 * @module
 * @example
 * ```ts
 * import { ChatOperations, WeavConfig } from "@weavai/effect"
 * import { Reply, ScriptedChat } from "@weavai/effect/testing"
 * import { Effect, Layer, Redacted } from "effect"
 * import assert from "node:assert/strict"
 *
 * const TestChat = Layer.mergeAll(
 *   WeavConfig.layer({ env: "local", authToken: Redacted.make("any") }),
 *   ScriptedChat.layer([Reply.status(503), Reply.history(["Is hail covered?", "Yes, up to $10,000."])])
 * )
 *
 * const test = Effect.gen(function*() {
 *   const { messages } = yield* ChatOperations.getChatHistory({ chatId: "chat123" })
 *   const { requests } = yield* ScriptedChat
 *   assert.equal(messages[1]?.text, "Yes, up to $10,000.")
 *   assert.equal(requests.length, 2)
 * }).pipe(Effect.provide(TestChat))
 * ```
 */
export * as Cassette from "./testing/Cassette.ts"
export * as Reply from "./testing/Reply.ts"
export { type Handler, type Script, type Scripted, ScriptedChat } from "./testing/ScriptedChat.ts"
export type { Sent, SentRequest } from "./testing/SentRequest.ts"
export { UnexpectedRequest } from "./testing/UnexpectedRequest.ts"
