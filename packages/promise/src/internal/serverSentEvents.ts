/**
 * A streamed answer as Server-Sent Events, the way the chat service writes them.
 */
import type { ChatResponse } from "../ChatResponse.ts"

/** The headers of such a response: none between the two ends is to hold events back. */
export const eventStreamHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no"
}

/** The events of an answer, one for each piece. */
export async function* toEvents(pieces: AsyncIterable<ChatResponse>): AsyncGenerator<Uint8Array, undefined, void> {
  const utf8 = new TextEncoder()
  try {
    for await (const piece of pieces) yield utf8.encode(`data: ${JSON.stringify(toWire(piece))}\n\n`)
    yield utf8.encode("data: [DONE]\n\n")
  } catch {
    // What happened is for the answer's `final` and the client's hooks to tell: this leaves the house.
    yield utf8.encode(`event: error\ndata: {"error": "The answer broke off before its end."}\n\n`)
  }
}

/** The contract's spelling of a model: names in snake case, moments in ISO 8601. */
const toWire = (value: unknown): unknown => {
  if (value instanceof Date || typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(toWire)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [toSnakeCase(name), toWire(field)]))
}

const toSnakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
