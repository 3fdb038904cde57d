import * as ChatOperations from "@weavai/effect/ChatOperations"
import * as ChatStream from "@weavai/effect/ChatStream"
import { WeavConfig } from "@weavai/effect/WeavConfig"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

export const run = () =>
  ChatOperations.streamChat({ userInput: "What is the deductible?", chatId: "chat123", fileId: "file456" }).pipe(
    ChatStream.text,
    Stream.runForEach((text) => Effect.sync(() => console.log(text))),
    Effect.provide(WeavConfig.layer({ env: "https://subdomain.weav.ai/", authToken: Redacted.make("token") })),
    Effect.provide(FetchHttpClient.layer),
    Effect.runPromise
  )
