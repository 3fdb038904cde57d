/**
 * The editions of the SDK, as one: every call is a promise.
 */
import {
  type CallOptions,
  type ChatHistoryResponse,
  type ChatLogsResponse,
  ChatOperations,
  type ChatRequest,
  type ChatResponse,
  ChatStream,
  WeavConfig
} from "@weavai/effect"
import { createChatClient } from "@weavai/promise"
import { UndiciHttpClient } from "@weavai/undici"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"

export interface Client extends AsyncDisposable {
  readonly name: string
  readonly chat: (message: ChatRequest) => Promise<ChatResponse>
  readonly streamChat: (message: ChatRequest) => Promise<ChatResponse>
  readonly getChatHistory: (chatId: string) => Promise<ChatHistoryResponse>
  readonly getChatLogs: (request: { readonly limit: number; readonly startDatetime: Date }) => Promise<ChatLogsResponse>
}

/** Limits that the service's stalls run into within seconds, and pauses that keep requests in flight. */
const settings = {
  timeouts: { firstByte: 4000, idle: 2000, total: 15_000 },
  retry: { baseDelay: 50, maxDelay: 500 }
} satisfies CallOptions

const token = "t0ken"

export const makeClients = (origin: string): ReadonlyArray<Client> => [
  effectClient("@weavai/effect", origin, FetchHttpClient.layer),
  effectClient("@weavai/effect on @weavai/undici", origin, UndiciHttpClient.layer()),
  promiseClient("@weavai/promise", origin)
]

const effectClient = (name: string, origin: string, http: Layer.Layer<HttpClient.HttpClient, unknown>): Client => {
  const config = WeavConfig.layer({ env: origin, authToken: Redacted.make(token), ...settings })
  const runtime = ManagedRuntime.make(Layer.merge(config, http))
  return {
    name,
    chat: (message) => runtime.runPromise(ChatOperations.chat(message)),
    streamChat: (message) => runtime.runPromise(ChatStream.collect(ChatOperations.streamChat(message))),
    getChatHistory: (chatId) => runtime.runPromise(ChatOperations.getChatHistory({ chatId })),
    getChatLogs: (request) => runtime.runPromise(ChatOperations.getChatLogs(request)),
    [Symbol.asyncDispose]: () => runtime.dispose()
  }
}

const promiseClient = (name: string, origin: string): Client => {
  const client = createChatClient({ env: origin, authToken: token, ...settings })
  return {
    name,
    chat: (message) => client.chat(message),
    streamChat: (message) => client.streamChat(message).final(),
    getChatHistory: (chatId) => client.getChatHistory({ chatId }),
    getChatLogs: (request) => client.getChatLogs(request),
    [Symbol.asyncDispose]: () => client.close()
  }
}
