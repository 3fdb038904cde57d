/**
 * One call after another, in memory: 2,000 calls, each from the request's options to a typed answer. The measure is CPU,
 * relative to `fetch` and `response.json()` alone.
 */
import Anthropic from "@anthropic-ai/sdk"
import { ChatOperations, WeavConfig } from "@weavai/effect"
import { createChatClient } from "@weavai/promise"
import { Context, Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import OpenAI from "openai"
import Stripe from "stripe"
import type { Cases } from "./compare.ts"

const callCount = 2000

const answer = JSON.stringify({
  message_id: "d79c34f5-f4f3-4170-8baa-8baf2efea2a4",
  chat_id: "c1",
  text: "The deductible is 2% of the limit. [1]",
  timestamp: "2024-09-25T19:12:20.178930+00:00",
  type: "assistant",
  vote: "no vote",
  search_results: [1, 2, 3].map((rank) => ({
    text: "A passage of the policy that the answer rests on, as long as passages are.",
    file_id: "66e0fba3089fbd21c4dd80c3",
    page_number: rank,
    score: 10 / rank,
    rank,
    file_name: "policy.pdf",
    classification: null,
    section_headers: ["Deductibles"],
    tags: []
  })),
  generate_button: null,
  tags: []
})

const openaiAnswer = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "x".repeat(700) }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
})

const anthropicAnswer = JSON.stringify({
  id: "m",
  type: "message",
  role: "assistant",
  content: [{ type: "text", text: "x".repeat(700) }],
  model: "m",
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 }
})

const stripeAnswer = JSON.stringify({ id: "cus_1", object: "customer", description: "x".repeat(700) })

const fetchOf =
  (body: string): typeof globalThis.fetch =>
  async () =>
    new Response(body, { headers: { "content-type": "application/json" } })

const repeat = (call: () => Promise<unknown>) => async () => {
  for (let i = 0; i < callCount; i++) {
    if (!(await call())) throw new Error("a call without an answer")
  }
}

const request = { userInput: "What is the deductible?", chatId: "c1", fileId: "66e0fba3089fbd21c4dd80c3" }

const weavFetch = fetchOf(answer)
const http = Effect.runSync(Effect.scoped(Layer.build(FetchHttpClient.layer)))
const services = http.pipe(
  Context.add(FetchHttpClient.Fetch, weavFetch),
  Context.add(WeavConfig, Effect.runSync(WeavConfig.make({ env: "local", authToken: Redacted.make("t") })))
)
const runEffect = Effect.runPromiseWith(services)

const client = createChatClient({ env: "local", authToken: "t", fetch: weavFetch })
const openai = new OpenAI({ apiKey: "k", fetch: fetchOf(openaiAnswer) })
const anthropic = new Anthropic({ apiKey: "k", fetch: fetchOf(anthropicAnswer) })
const stripe = new Stripe("sk_test_1", { httpClient: Stripe.createFetchHttpClient(fetchOf(stripeAnswer)) })

export const cases = {
  "fetch and json": repeat(async () => {
    const response = await weavFetch("http://localhost:7030/chat", {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json", authorization: "Bearer t" },
      body: JSON.stringify({ ...request, stream: false })
    })
    return response.json()
  }),
  "@weavai/effect": repeat(() => runEffect(ChatOperations.chat(request))),
  "@weavai/promise": repeat(() => client.chat(request)),
  stripe: repeat(() => stripe.customers.retrieve("cus_1")),
  "@anthropic-ai/sdk": repeat(() =>
    anthropic.messages.create({ model: "m", max_tokens: 1, messages: [{ role: "user", content: "q" }] })
  ),
  openai: repeat(() => openai.chat.completions.create({ model: "m", messages: [{ role: "user", content: "q" }] }))
} satisfies Cases
