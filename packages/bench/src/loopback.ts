/**
 * Calls and streamed answers over HTTP, from a second process on this machine.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { UndiciHttpClient } from "@weavai/undici"
import * as undici from "undici"
import {
  callByAnthropic,
  callByEffect,
  callByFetch,
  callByOpenai,
  callByPromise,
  callByStripe,
  chatBody,
  chatPath,
  headers,
  type Place
} from "./clients.ts"
import { type Cases, compare } from "./compare.ts"
import { eventCount, eventLength } from "./feeds.ts"
import { atLeast, formatSpread, type Section, type Table } from "./report.ts"
import { startService } from "./service.ts"
import * as streams from "./stream.ts"

export interface Settings {
  readonly origin: string
  readonly callCount: number
  readonly inFlight: number
}

const callByUndici = ({ origin }: Place) => {
  return async (): Promise<unknown> => {
    const response = await undici.request(origin + chatPath, { method: "POST", headers, body: chatBody(false) })
    return response.body.json()
  }
}

const onUndici = "@weavai/effect on @weavai/undici"
const onFetch = "@weavai/effect on FetchHttpClient"

export const cases = async ({ callCount, inFlight, origin }: Settings): Promise<Cases> => {
  const place = { origin }
  const repeat = (call: () => Promise<unknown>) => async () => {
    let left = callCount
    const work = async () => {
      while (left-- > 0) if (!(await call())) throw new Error("a call without an answer")
    }
    await Promise.all(Array.from({ length: inFlight }, work))
  }
  return {
    "fetch and json": repeat(callByFetch(place)),
    "undici.request and json": repeat(callByUndici(place)),
    [onUndici]: repeat(await callByEffect(place, UndiciHttpClient.layer())),
    "@weavai/effect on NodeHttpClient.layerUndici": repeat(await callByEffect(place, NodeHttpClient.layerUndici)),
    [onFetch]: repeat(await callByEffect(place)),
    "@weavai/promise": repeat(callByPromise(place)),
    "@anthropic-ai/sdk": repeat(callByAnthropic(place)),
    openai: repeat(callByOpenai(place)),
    stripe: repeat(callByStripe(place))
  }
}

const calls = async (settings: Settings, targets: { readonly [name: string]: number } = {}): Promise<Table> => {
  const rows = await compare(import.meta.url, cases, { settings, rounds: 20, warmup: 5 })
  return {
    caption: `${settings.inFlight} in flight`,
    columns: ["alternative", "calls/s", "× fetch", "CPU µs a call", "target"],
    rows: rows.map(({ cpu, name, speed, wall }) => [
      name,
      ((settings.callCount / wall.median) * 1000).toFixed(0),
      formatSpread(speed),
      ((cpu.median * 1000) / settings.callCount).toFixed(0),
      targets[name] === undefined ? "" : atLeast(speed.median, targets[name])
    ])
  }
}

const streamed = async (origin: string): Promise<Table> => {
  const settings = { origin: `${origin}/stream` }
  const rows = await streams.compareStreams({ settings, rounds: 12, warmup: 4 })
  return {
    caption: "A streamed answer at a time",
    columns: ["alternative", "events/s", "MB/s", "× by hand"],
    rows: rows.map(({ name, speed, wall }) => {
      const perSecond = (eventCount / wall.median) * 1000
      return [
        name,
        Math.round(perSecond).toLocaleString("en"),
        ((perSecond * eventLength) / 1e6).toFixed(0),
        formatSpread(speed)
      ]
    })
  }
}

export const measure = async (): Promise<Section> => {
  using service = await startService("./answerService.ts")
  const { origin } = service
  return {
    title: "Over loopback",
    about:
      "A `node:http` server in a second process, which gives every client the same answer; what stripe asks for is a GET. Calls per second, relative " +
      "to `fetch` and `response.json()`; `undici.request` alone shows what server and machine allow. For the streams see the group above: " +
      "the same events, read from a socket.",
    tables: [
      await calls({ origin, callCount: 500, inFlight: 32 }, { [onUndici]: 2.2, [onFetch]: 0.75 }),
      await calls({ origin, callCount: 150, inFlight: 1 }),
      await streamed(origin)
    ]
  }
}
