import * as ChatOperations from "@weavai/effect/ChatOperations"
import { WeavConfig } from "@weavai/effect/WeavConfig"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Redacted from "effect/Redacted"

export const run = () =>
  ChatOperations.chat({ userInput: "What is the deductible?", chatId: "chat123", fileId: "file456" }).pipe(
    Effect.map((reply) => console.log(reply.text)),
    Effect.provide(WeavConfig.layer({ env: "https://subdomain.weav.ai/", authToken: Redacted.make("token") })),
    Effect.provide(FetchHttpClient.layer),
    Effect.runPromise
  )
