/**
 * A streamed answer of 1 GiB: events of 1 KiB, in chunks of 16 KiB that are made as they are asked for.
 */
import { weavEvent } from "./feeds.ts"

const eventLength = 1024
const chunkLength = 16 * eventLength

export const gigabyteEvents = 2 ** 30 / eventLength

export function* gigabyte(): Generator<Uint8Array> {
  const event = weavEvent("x".repeat(eventLength - weavEvent("").length))
  const chunk = new TextEncoder().encode(event.repeat(chunkLength / eventLength))
  for (let sent = 0; sent < 2 ** 30; sent += chunkLength) yield chunk.slice()
}
