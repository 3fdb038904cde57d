/**
 * The ways to call the service: each edition of the SDK, over each HTTP client, with the same calls.
 */
import { ChatOperations, ChatStream, type ChatError, WeavConfig } from "@weavai/effect"
import { createChatClient } from "@weavai/promise"
import { UndiciHttpClient } from "@weavai/undici"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type { HttpClient } from "effect/http/HttpClient"
import { token } from "./client.ts"
import { readAll } from "./promises.ts"
import * as wire from "./wireExamples.ts"

export const operations = ["getChatLogs", "getChatHistory", "chat", "streamChat", "chatLogs"] as const
export type OperationName = (typeof operations)[number]

/** Settings that both editions understand; durations in milliseconds. */
export interface Settings {
  readonly authToken?: string
  readonly timeouts?: { readonly firstByte?: number; readonly total?: number; readonly idle?: number }
  readonly retry?: false | { readonly maxAttempts: number; readonly baseDelay: number }
}

/** A client of one service. `call` resolves to what the operation yields, a streamed answer put together. */
export interface Client extends AsyncDisposable {
  readonly call: (operation: OperationName) => Promise<unknown>
}

export interface Edition {
  readonly name: string
  readonly client: "fetch" | "undici"
  readonly open: (url: string, settings?: Settings) => Client
}

const history = { chatId: wire.chatId }

type Calls = { readonly [O in OperationName]: Effect.Effect<unknown, ChatError, WeavConfig | HttpClient> }

const calls: Calls = {
  getChatLogs: ChatOperations.getChatLogs(),
  getChatHistory: ChatOperations.getChatHistory(history),
  chat: ChatOperations.chat(wire.question),
  streamChat: ChatStream.collect(ChatOperations.streamChat(wire.question)),
  chatLogs: Stream.runCollect(ChatOperations.chatLogs())
}

const httpClients = { fetch: () => FetchHttpClient.layer, undici: () => UndiciHttpClient.layer() }

/** The Effect edition; `around` is put around each call. */
export const effectEdition = (
  client: Edition["client"],
  around: <A, E, R>(call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (call) => call
): Edition => ({
  name: `@weavai/effect on ${client}`,
  client,
  open(url, { authToken = token, ...settings } = {}) {
    const config = WeavConfig.layer({ env: url, authToken: Redacted.make(authToken), ...settings })
    const runtime = ManagedRuntime.make(Layer.mergeAll(config, httpClients[client]()))
    return {
      call: (operation) => runtime.runPromise(around(calls[operation])),
      [Symbol.asyncDispose]: () => runtime.dispose()
    }
  }
})

export const promiseEdition: Edition = {
  name: "@weavai/promise",
  client: "fetch",
  open(url, { authToken = token, ...settings } = {}) {
    const client = createChatClient({ env: url, authToken, ...settings })
    const calls: { readonly [O in OperationName]: () => Promise<unknown> } = {
      getChatLogs: () => client.getChatLogs(),
      getChatHistory: () => client.getChatHistory(history),
      chat: () => client.chat(wire.question),
      streamChat: () => client.streamChat(wire.question).final(),
      chatLogs: () => readAll(client.chatLogs())
    }
    return { call: (operation) => calls[operation](), [Symbol.asyncDispose]: client.close }
  }
}

export const editions: ReadonlyArray<Edition> = [effectEdition("fetch"), effectEdition("undici"), promiseEdition]
