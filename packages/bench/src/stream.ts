/**
 * A streamed answer: from the response's bytes to typed pieces.
 */
import { ChatOperations } from "@weavai/effect"
import { createChatClient } from "@weavai/promise"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { createParser } from "eventsource-parser"
import { EventSourceParserStream } from "eventsource-parser/stream"
import type { ChatCompletionChunk } from "openai/resources/chat/completions"
import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import {
  chatBody,
  chatPath,
  effectContext,
  headers,
  makeAnthropic,
  makeOpenai,
  messages,
  type Place,
  request
} from "./clients.ts"
import { type Cases, compare, type CompareOptions } from "./compare.ts"
import {
  anthropicFeed,
  chunked,
  eventCount,
  eventLength,
  eventStream,
  type Feed,
  feedAt,
  openaiFeed,
  weavFeed
} from "./feeds.ts"
import { atMost, formatSpread, type Section, type Table } from "./report.ts"

/** Where the answers come from: a service, or memory, in chunks of so many bytes. */
export type Settings = { readonly origin: string } | { readonly chunkSize: number }

/** Reads a whole stream, handing the text of each piece to `onPiece`. */
type Read = (onPiece: (text: string) => void) => Promise<void>

/** Reads the stream, and makes sure that all of it was handed out. */
const reading = (feed: Feed, read: Read) => async () => {
  let count = 0
  let length = 0
  await read((text) => {
    count++
    length += text.length
  })
  if (count !== eventCount || length !== feed.textLength) throw new Error(`${count} pieces of ${length} characters`)
}

const bodyAt = async ({ fetch = globalThis.fetch, origin }: Place, path: string) => {
  const response = await fetch(origin + path, { method: "POST", headers, body: chatBody(true) })
  return response.body!
}

type TextOf = (data: string) => string | undefined

/** What a client spends beyond this loop on the same bytes is its own. */
const byHand = (place: Place, path: string, textOf: TextOf): Read => {
  return async (onPiece) => {
    const reader = (await bodyAt(place, path)).getReader()
    const utf8 = new TextDecoder()
    let rest = ""
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const text = rest + utf8.decode(value, { stream: true })
      let start = 0
      for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n", start)) {
        const piece = textOf(text.slice(text.indexOf("data: ", start) + "data: ".length, end))
        if (piece !== undefined) onPiece(piece)
        start = end + 2
      }
      rest = text.slice(start)
    }
  }
}

const weavText = (data: string): string => (JSON.parse(data) as { readonly text: string }).text

const openaiText: TextOf = (data) =>
  data === "[DONE]" ? undefined : (JSON.parse(data) as ChatCompletionChunk).choices[0]!.delta.content!

const anthropicText: TextOf = (data) => {
  const event = JSON.parse(data) as RawMessageStreamEvent
  return event.type === "content_block_delta" && event.delta.type === "text_delta" ? event.delta.text : undefined
}

const byPushParser = (place: Place): Read => {
  return async (onPiece) => {
    const reader = (await bodyAt(place, chatPath)).getReader()
    const utf8 = new TextDecoder()
    const parser = createParser({ onEvent: ({ data }) => onPiece(weavText(data)) })
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      parser.feed(utf8.decode(value, { stream: true }))
    }
  }
}

const byParserStream = (place: Place): Read => {
  return async (onPiece) => {
    const body = (await bodyAt(place, chatPath)) as ReadableStream<BufferSource>
    const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
    for await (const { data } of events) onPiece(weavText(data))
  }
}

const byEffect = async (place: Place): Promise<Read> => {
  const run = Effect.runPromiseWith(await effectContext(place))
  return (onPiece) =>
    run(Stream.runForEach(ChatOperations.streamChat(request), (piece) => Effect.sync(() => onPiece(piece.text))))
}

const byPromise = ({ fetch, origin }: Place): Read => {
  const client = createChatClient({ env: origin, authToken: "t", fetch })
  return async (onPiece) => {
    for await (const piece of client.streamChat(request)) onPiece(piece.text)
  }
}

const byAnthropic = (place: Place): Read => {
  const client = makeAnthropic(place)
  return async (onPiece) => {
    const stream = await client.messages.create({ model: "m", max_tokens: 1, messages, stream: true })
    for await (const event of stream) {
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") onPiece(event.delta.text)
    }
  }
}

const byOpenai = (place: Place): Read => {
  const client = makeOpenai(place)
  return async (onPiece) => {
    const stream = await client.chat.completions.create({ model: "m", messages, stream: true })
    for await (const event of stream) {
      const text = event.choices[0]?.delta.content
      if (typeof text === "string") onPiece(text)
    }
  }
}

const anthropicPath = "/v1/messages"
const openaiPath = "/chat/completions"

const effect = "@weavai/effect, Stream.runForEach"
const promise = "@weavai/promise, for await"
const parserStream = "eventsource-parser/stream, JSON.parse"
const anthropic = "@anthropic-ai/sdk, for await"
const anthropicByHand = "by hand, anthropic's events"
const openai = "openai, for await"
const openaiByHand = "by hand, openai's events"

export const cases = async (settings: Settings): Promise<Cases> => {
  const place: Place =
    "origin" in settings
      ? settings
      : {
          origin: "http://localhost",
          fetch: async (input) => eventStream(chunked(feedAt(String(input)), settings.chunkSize))
        }
  return {
    "by hand": reading(weavFeed, byHand(place, chatPath, weavText)),
    [effect]: reading(weavFeed, await byEffect(place)),
    [promise]: reading(weavFeed, byPromise(place)),
    "eventsource-parser, JSON.parse": reading(weavFeed, byPushParser(place)),
    [parserStream]: reading(weavFeed, byParserStream(place)),
    [anthropicByHand]: reading(anthropicFeed, byHand(place, anthropicPath, anthropicText)),
    [anthropic]: reading(anthropicFeed, byAnthropic(place)),
    [openaiByHand]: reading(openaiFeed, byHand(place, openaiPath, openaiText)),
    [openai]: reading(openaiFeed, byOpenai(place))
  }
}

const bases: { readonly [name: string]: string } = { [anthropic]: anthropicByHand, [openai]: openaiByHand }

/** Compares all ways to read a stream, each with the loop by hand over the same bytes. */
export const compareStreams = (options: CompareOptions<Settings>) =>
  compare(import.meta.url, cases, { ...options, baseOf: (name) => bases[name] })

const inMemory = async (chunkSize: number): Promise<Table> => {
  const rows = await compareStreams({ settings: { chunkSize }, rounds: 40, warmup: 10 })
  const peers = rows.filter(({ name }) => [parserStream, anthropic, openai].includes(name))
  const leanest = Math.min(...peers.map(({ cpuRatio }) => cpuRatio.median))
  const target = (name: string, ratio: number) => {
    if (name !== effect && name !== promise) return ""
    return `${atMost(ratio, name === effect ? 1.6 : 1.8)}, leanest peer ${atMost(ratio, leanest)}`
  }
  return {
    caption: `Chunks of ${chunkSize.toLocaleString("en")} bytes`,
    columns: ["alternative", "CPU µs an event", "× by hand", "target"],
    rows: rows.map(({ cpu, cpuRatio, name }) => [
      name,
      ((cpu.median * 1000) / eventCount).toFixed(2),
      formatSpread(cpuRatio),
      target(name, cpuRatio.median)
    ])
  }
}

export const measure = async (): Promise<Section> => ({
  title: "Streamed answer, in memory",
  about:
    `${eventCount.toLocaleString("en")} events of ${eventLength} bytes from a \`fetch\` that hands out chunks at once, to the text of every piece. ` +
    "The clients of openai and anthropic read their own services' events. CPU, relative to a reader loop by hand over the same bytes, " +
    "with `JSON.parse` and no checks.",
  tables: [await inMemory(16 * 1024), await inMemory(1460)]
})
