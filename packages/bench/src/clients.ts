/**
 * One call with each client: from the request's options to a typed answer.
 */
import Anthropic from "@anthropic-ai/sdk"
import { ChatOperations, WeavConfig } from "@weavai/effect"
import { createChatClient } from "@weavai/promise"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import OpenAI from "openai"
import Stripe from "stripe"

/** Where the clients' service is. Without a `fetch` each client sends as it does by default. */
export interface Place {
  readonly origin: string
  readonly fetch?: typeof globalThis.fetch
}

export const request = { userInput: "What is the deductible?", chatId: "c1", fileId: "66e0fba3089fbd21c4dd80c3" }

export const messages = [{ role: "user" as const, content: request.userInput }]

/** What the Effect edition runs in. */
export const effectContext = async (
  { fetch, origin }: Place,
  http: Layer.Layer<HttpClient.HttpClient, unknown> = FetchHttpClient.layer
): Promise<Context.Context<HttpClient.HttpClient | WeavConfig>> => {
  const config = WeavConfig.layer({ env: origin, authToken: Redacted.make("t") })
  const context = await Effect.runPromise(Layer.buildWithScope(Layer.merge(http, config), Scope.makeUnsafe()))
  return fetch === undefined ? context : Context.add(context, FetchHttpClient.Fetch, fetch)
}

export const chatPath = "/chat-service/chat"

export const headers = { accept: "application/json", "content-type": "application/json", authorization: "Bearer t" }

export const chatBody = (stream: boolean): string =>
  JSON.stringify({ user_input: request.userInput, file_id: request.fileId, chat_id: request.chatId, stream })

/** `fetch` and `response.json()` alone, with the request that the chat service takes. */
export const callByFetch = ({ fetch = globalThis.fetch, origin }: Place) => {
  return async (): Promise<unknown> => {
    const response = await fetch(origin + chatPath, { method: "POST", headers, body: chatBody(false) })
    return response.json()
  }
}

export const callByEffect = async (place: Place, http?: Layer.Layer<HttpClient.HttpClient, unknown>) => {
  const run = Effect.runPromiseWith(await effectContext(place, http))
  return () => run(ChatOperations.chat(request))
}

export const callByPromise = ({ fetch, origin }: Place) => {
  const client = createChatClient({ env: origin, authToken: "t", fetch })
  return () => client.chat(request)
}

export const callByOpenai = (place: Place) => {
  const client = makeOpenai(place)
  return () => client.chat.completions.create({ model: "m", messages })
}

export const callByAnthropic = (place: Place) => {
  const client = makeAnthropic(place)
  return () => client.messages.create({ model: "m", max_tokens: 1, messages })
}

export const callByStripe = ({ fetch, origin }: Place) => {
  const { hostname: host, port } = new URL(origin)
  const client = new Stripe("sk_test_1", {
    protocol: "http",
    host,
    port,
    ...(fetch && { httpClient: Stripe.createFetchHttpClient(fetch) })
  })
  return () => client.customers.retrieve("cus_1")
}

export const makeOpenai = ({ fetch, origin }: Place) => new OpenAI({ apiKey: "k", baseURL: origin, fetch })

export const makeAnthropic = ({ fetch, origin }: Place) => new Anthropic({ apiKey: "k", baseURL: origin, fetch })
