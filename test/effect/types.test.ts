import { describe, expectTypeOf, it } from "@effect/vitest"
import {
  type ApiError,
  type ChatError,
  type ChatHistoryResponse,
  type ChatLogsResponse,
  ChatOperations,
  type ChatRequest,
  type ChatResponse,
  ChatStream,
  type LogRow,
  type NotFound,
  type StreamInterrupted,
  type Unauthorized,
  type WeavConfig
} from "@weavai/effect"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { HttpClient } from "effect/http/HttpClient"

// What is checked here, is checked by the compiler: nothing is run.
declare const request: ChatRequest
type Needs = WeavConfig | HttpClient

const chat = () => ChatOperations.chat(request)
const streamChat = () => ChatOperations.streamChat(request)

describe("an operation", () => {
  it("needs the configuration and an HTTP client, and fails with ChatError: no more, no less", () => {
    expectTypeOf(chat).returns.toEqualTypeOf<Effect.Effect<ChatResponse, ChatError, Needs>>()
    expectTypeOf(streamChat).returns.toEqualTypeOf<Stream.Stream<ChatResponse, ChatError, Needs>>()
    expectTypeOf(() => ChatOperations.getChatHistory({ chatId: "c" })).returns.toEqualTypeOf<
      Effect.Effect<ChatHistoryResponse, ChatError, Needs>
    >()
    expectTypeOf(() => ChatOperations.getChatLogs()).returns.toEqualTypeOf<
      Effect.Effect<ChatLogsResponse, ChatError, Needs>
    >()
    expectTypeOf(() => ChatOperations.chatLogs()).returns.toEqualTypeOf<Stream.Stream<LogRow, ChatError, Needs>>()
  })

  it("does so when it is read as text or collected, too", () => {
    expectTypeOf(() => ChatStream.text(streamChat())).returns.toEqualTypeOf<Stream.Stream<string, ChatError, Needs>>()
    expectTypeOf(() => ChatStream.collect(streamChat())).returns.toEqualTypeOf<
      Effect.Effect<ChatResponse, ChatError, Needs>
    >()
  })
})

describe("handling a failure narrows what is left", () => {
  it("by tag", () => {
    expectTypeOf<ChatError>().toEqualTypeOf<Unauthorized | NotFound | ApiError>()
    const handled = () => Effect.catchTag(chat(), "NotFound", (error) => Effect.succeed(error.status))
    expectTypeOf(handled).returns.toEqualTypeOf<Effect.Effect<ChatResponse | number, Unauthorized | ApiError, Needs>>()
  })

  it("by reason", () => {
    const handled = () =>
      Effect.catchReason(ChatStream.collect(streamChat()), "ApiError", "StreamInterrupted", (reason) => {
        expectTypeOf(reason).toEqualTypeOf<StreamInterrupted>()
        expectTypeOf(reason.answer).toEqualTypeOf<ChatResponse | null>()
        return Effect.succeed(reason.answer)
      })
    expectTypeOf(handled).returns.toExtend<Effect.Effect<ChatResponse | null, ChatError, Needs>>()
  })

  it("by every tag, to nothing", () => {
    const handled = () =>
      Effect.catchTags(chat(), {
        Unauthorized: () => Effect.succeed(1),
        NotFound: () => Effect.succeed(2),
        ApiError: (error) => Effect.succeed(error.reason._tag)
      })
    expectTypeOf(handled).returns.toExtend<Effect.Effect<unknown, never, Needs>>()
  })
})
