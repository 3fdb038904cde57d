/**
 * The memory that a long streamed answer takes.
 */
import { ChatOperations } from "@weavai/effect"
import { createChatClient } from "@weavai/promise"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { setTimeout } from "node:timers/promises"
import { effectContext, type Place, request } from "./clients.ts"
import { type Cases, compare } from "./compare.ts"
import { eventStream } from "./feeds.ts"
import { gigabyte, gigabyteEvents } from "./gigabyte.ts"
import { atMost, type Section, type Table } from "./report.ts"
import { startService } from "./service.ts"

/** A service to read from, slowly; without one the answer comes from memory. */
export interface Settings {
  readonly origin?: string
}

const warmupEvents = gigabyteEvents / 4

/** A slow reader rests this many milliseconds after every so many pieces, and leaves after some. */
const slow = { pause: 10, every: 16, events: 4000 }

export const cases = async ({ origin }: Settings): Promise<Cases> => {
  const isSlow = origin !== undefined
  const place: Place = isSlow ? { origin } : { origin: "http://localhost", fetch: async () => eventStream(gigabyte()) }
  const run = Effect.runPromiseWith(await effectContext(place))
  const client = createChatClient({ env: place.origin, authToken: "t", fetch: place.fetch })
  const eventsOf = (isWarmup: boolean) => (isWarmup ? warmupEvents : isSlow ? slow.events : gigabyteEvents)
  const rests = (isWarmup: boolean, count: number) => isSlow && !isWarmup && count % slow.every === 0
  const check = (count: number, isWarmup: boolean) => {
    if (count !== eventsOf(isWarmup)) throw new Error(`${count} pieces instead of ${eventsOf(isWarmup)}`)
  }
  return {
    "@weavai/effect, Stream.runForEach": async (isWarmup) => {
      let count = 0
      await ChatOperations.streamChat(request).pipe(
        Stream.take(eventsOf(isWarmup)),
        Stream.runForEach(() => (rests(isWarmup, ++count) ? Effect.sleep(slow.pause) : Effect.void)),
        run
      )
      check(count, isWarmup)
    },
    "@weavai/promise, for await": async (isWarmup) => {
      let count = 0
      for await (const _ of client.streamChat(request)) {
        if (rests(isWarmup, ++count)) await setTimeout(slow.pause)
        if (count === eventsOf(isWarmup)) break
      }
      check(count, isWarmup)
    }
  }
}

export const measure = async (): Promise<Section> => {
  using service = await startService("./answerService.ts")
  return {
    title: "Memory of a streamed answer",
    about:
      "An answer of 1 GiB in events of 1 KiB: read to its end as fast as it comes from memory; and from a service on this machine that sends " +
      `as fast as the socket takes it, by a reader that rests ${slow.pause} ms after every ${slow.every} events and leaves after ` +
      `${slow.events.toLocaleString("en")}. Resident memory at its peak beyond what it was after reading 256 MiB.`,
    tables: [
      await grow("Read to its end", {}),
      await grow("Read slowly over loopback", { origin: `${service.origin}/gigabyte` })
    ]
  }
}

const grow = async (caption: string, settings: Settings): Promise<Table> => {
  const rows = await compare(import.meta.url, cases, { settings, rounds: 1, warmup: 1 })
  return {
    caption,
    columns: ["alternative", "seconds", "memory growth", "target"],
    rows: rows.map(({ memoryGrowth, name, wall }) => [
      name,
      (wall.median / 1000).toFixed(1),
      `${memoryGrowth.toFixed(0)} MiB`,
      `${atMost(memoryGrowth, 50, 0)} MiB`
    ])
  }
}
