/**
 * Streamed answers, as the services of the compared clients write them: 20,000 events of 250 bytes each.
 */
export const eventCount = 20_000

/** In bytes. */
export const eventLength = 250

/** One streamed answer. */
export interface Feed {
  readonly body: Uint8Array
  /** How many characters of text its events hold together: what a client must have handed out at the end. */
  readonly textLength: number
}

const feedOf = (frame: (text: string) => string, head = "", tail = ""): Feed => {
  const room = eventLength - frame("").length
  const events = Array.from({ length: eventCount }, (_, i) => frame(`piece ${i} `.padEnd(room, "x")))
  return { body: new TextEncoder().encode(head + events.join("") + tail), textLength: eventCount * room }
}

const event = (data: object, name?: string) =>
  `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`

/** One event of the chat service. */
export const weavEvent = (text: string): string =>
  event({
    type: "assistant",
    chat_id: "c1",
    vote: "no vote",
    message_id: "d79c34f5-f4f3-4170-8baa-8baf2efea2a4",
    search_results: [],
    generate_button: null,
    tags: [],
    text,
    timestamp: "2024-09-25 19:12:20.178930+00:00"
  })

export const weavFeed = feedOf(weavEvent)

export const openaiFeed = feedOf(
  (content) =>
    event({
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1,
      model: "m",
      choices: [{ index: 0, delta: { content }, finish_reason: null }]
    }),
  "",
  "data: [DONE]\n\n"
)

const anthropicEvent = (data: { readonly type: string; readonly [field: string]: unknown }) => event(data, data.type)

export const anthropicFeed = feedOf(
  (text) => anthropicEvent({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  anthropicEvent({
    type: "message_start",
    message: {
      id: "m",
      type: "message",
      role: "assistant",
      content: [],
      model: "m",
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 1, output_tokens: 1 }
    }
  }) + anthropicEvent({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
  anthropicEvent({ type: "content_block_stop", index: 0 }) + anthropicEvent({ type: "message_stop" })
)

/** A body in chunks of so many bytes. */
export function* chunked({ body }: Feed, size: number): Generator<Uint8Array> {
  for (let start = 0; start < body.length; start += size) yield body.slice(start, start + size)
}

/** A response of an event stream that hands out its chunks as they are asked for. */
export const eventStream = (chunks: Iterator<Uint8Array>): Response => {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = chunks.next()
      if (done) controller.close()
      else controller.enqueue(value)
    }
  })
  return new Response(body, { headers: { "content-type": "text/event-stream" } })
}

/** The feed that a client asks for with this URL. */
export const feedAt = (url: string): Feed => {
  if (url.endsWith("/chat/completions")) return openaiFeed
  return url.endsWith("/v1/messages") ? anthropicFeed : weavFeed
}
