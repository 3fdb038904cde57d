/**
 * A streamed answer, in memory: 20,000 events of about 250 bytes in chunks of 16 KiB, from the response's bytes to typed
 * pieces. The measure is CPU, relative to a reader loop written by hand with `JSON.parse` and nothing else.
 */
import Anthropic from "@anthropic-ai/sdk"
import { ChatOperations, WeavConfig } from "@weavai/effect"
import { createChatClient } from "@weavai/promise"
import { Effect, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { EventSourceParserStream } from "eventsource-parser/stream"
import OpenAI from "openai"
import type { Cases } from "./compare.ts"

const eventCount = 20_000
const chunkSize = 16 * 1024

const pad = (event: object, at: string): string => {
  const json = JSON.stringify(event)
  return json.replace(at, at + "x".repeat(Math.max(0, 243 - json.length)))
}

const weavBody = Array.from(
  { length: eventCount },
  (_, i) =>
    `data: ${pad(
      {
        type: "assistant",
        chat_id: "c1",
        vote: "no vote",
        message_id: "d79c34f5-f4f3-4170-8baa-8baf2efea2a4",
        search_results: [],
        generate_button: null,
        tags: [],
        text: `piece ${i} `,
        timestamp: "2024-09-25 19:12:20.178930+00:00"
      },
      "piece "
    )}\n\n`
).join("")

const openaiBody = `${Array.from(
  { length: eventCount },
  (_, i) =>
    `data: ${pad(
      {
        id: "chatcmpl-1",
        object: "chat.completion.chunk",
        created: 1,
        model: "m",
        choices: [{ index: 0, delta: { content: `piece ${i} ` }, finish_reason: null }]
      },
      "piece "
    )}\n\n`
).join("")}data: [DONE]\n\n`

const anthropicBody = `event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n${Array.from(
  { length: eventCount },
  (_, i) =>
    `event: content_block_delta\ndata: ${pad(
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: `piece ${i} ` } },
      "piece "
    ).slice(0)}\n\n`
).join(
  ""
)}event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n`

const chunked = (body: string): ReadonlyArray<Uint8Array> => {
  const bytes = new TextEncoder().encode(body)
  return Array.from({ length: Math.ceil(bytes.length / chunkSize) }, (_, i) =>
    bytes.slice(i * chunkSize, (i + 1) * chunkSize)
  )
}

const fetchOf = (body: string): typeof globalThis.fetch => {
  const chunks = chunked(body)
  return async () => {
    let i = 0
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (i < chunks.length) controller.enqueue(chunks[i++]!)
        else controller.close()
      }
    })
    return new Response(stream, { headers: { "content-type": "text/event-stream" } })
  }
}

const weavFetch = fetchOf(weavBody)
const request = { userInput: "q", chatId: "c", fileId: "f" }

const check = (count: number) => {
  if (count < eventCount) throw new Error(`${count} pieces instead of ${eventCount}`)
}

const byHand = async () => {
  const response = await weavFetch("http://localhost")
  const reader = response.body!.getReader()
  const utf8 = new TextDecoder()
  let rest = ""
  let count = 0
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    const text = rest + utf8.decode(value, { stream: true })
    let start = 0
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n", start)) {
      const piece = JSON.parse(text.slice(start + 6, end)) as { readonly text: string }
      count++
      length += piece.text.length
      start = end + 2
    }
    rest = text.slice(start)
  }
  check(count)
  return length
}

const eventsourceParser = async () => {
  const response = await weavFetch("http://localhost")
  let count = 0
  let length = 0
  const events = response.body!.pipeThrough(new TextDecoderStream() as never).pipeThrough(new EventSourceParserStream())
  for await (const event of events as unknown as AsyncIterable<{ readonly data: string }>) {
    const piece = JSON.parse(event.data) as { readonly text: string }
    count++
    length += piece.text.length
  }
  check(count)
  return length
}

const Live = Effect.runSync(
  Effect.map(WeavConfig.make({ env: "local", authToken: Redacted.make("t") }), (config) => WeavConfig.of(config))
)

const effectEdition = async () => {
  let count = 0
  let length = 0
  await ChatOperations.streamChat(request).pipe(
    Stream.runForEach((piece) =>
      Effect.sync(() => {
        count++
        length += piece.text.length
      })
    ),
    Effect.provideService(WeavConfig, Live),
    Effect.provide(FetchHttpClient.layer),
    Effect.provideService(FetchHttpClient.Fetch, weavFetch),
    Effect.runPromise
  )
  check(count)
  return length
}

const client = createChatClient({ env: "local", authToken: "t", fetch: weavFetch })

const promiseEdition = async () => {
  let count = 0
  let length = 0
  for await (const piece of client.streamChat(request)) {
    count++
    length += piece.text.length
  }
  check(count)
  return length
}

const openaiClient = new OpenAI({ apiKey: "k", baseURL: "http://localhost", fetch: fetchOf(openaiBody) })

const openai = async () => {
  let count = 0
  let length = 0
  const stream = await openaiClient.chat.completions.create({
    model: "m",
    stream: true,
    messages: [{ role: "user", content: "q" }]
  })
  for await (const event of stream) {
    count++
    length += event.choices[0]?.delta.content?.length ?? 0
  }
  check(count)
  return length
}

const anthropicClient = new Anthropic({ apiKey: "k", baseURL: "http://localhost", fetch: fetchOf(anthropicBody) })

const anthropic = async () => {
  let count = 0
  let length = 0
  const stream = await anthropicClient.messages.create({
    model: "m",
    max_tokens: 1,
    stream: true,
    messages: [{ role: "user", content: "q" }]
  })
  for await (const event of stream) {
    count++
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") length += event.delta.text.length
  }
  check(count)
  return length
}

export const cases = {
  "reader loop by hand, JSON.parse": byHand,
  "@weavai/effect, Stream.runForEach": effectEdition,
  "@weavai/promise, for await": promiseEdition,
  "eventsource-parser stream, JSON.parse": eventsourceParser,
  "@anthropic-ai/sdk, for await": anthropic,
  "openai, for await": openai
} satisfies Cases
