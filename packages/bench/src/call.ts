/**
 * One call after another, in memory.
 */
import { answer } from "./answer.ts"
import {
  callByAnthropic,
  callByEffect,
  callByFetch,
  callByOpenai,
  callByPromise,
  callByStripe,
  type Place
} from "./clients.ts"
import { type Cases, compare } from "./compare.ts"
import { atMost, formatSpread, type Section } from "./report.ts"

const callCount = 1000

const place: Place = {
  origin: "http://localhost:7030",
  fetch: async () => new Response(answer, { headers: { "content-type": "application/json" } })
}

const repeat = (call: () => Promise<unknown>) => async () => {
  for (let i = 0; i < callCount; i++) {
    if (!(await call())) throw new Error("a call without an answer")
  }
}

const peers = {
  "@anthropic-ai/sdk": repeat(callByAnthropic(place)),
  openai: repeat(callByOpenai(place)),
  stripe: repeat(callByStripe(place))
}

export const cases = async (): Promise<Cases> => ({
  "fetch and json": repeat(callByFetch(place)),
  "@weavai/effect": repeat(await callByEffect(place)),
  "@weavai/promise": repeat(callByPromise(place)),
  ...peers
})

export const measure = async (): Promise<Section> => {
  const rows = await compare(import.meta.url, cases, { settings: {}, rounds: 40, warmup: 10 })
  const leanest = Math.min(...rows.filter(({ name }) => name in peers).map(({ cpuRatio }) => cpuRatio.median))
  return {
    title: "One call, in memory",
    about:
      `${callCount.toLocaleString("en")} calls one after another, each from the request's options to a typed answer of ` +
      `${answer.length} bytes, on a \`fetch\` that answers at once. CPU, relative to \`fetch\` and \`response.json()\` alone.`,
    tables: [
      {
        caption: `CPU of a call, ${rows[0]!.cpu.median.toFixed(0)} ms a round by hand`,
        columns: ["alternative", "CPU µs a call", "× by hand", "target"],
        rows: rows.map(({ cpu, cpuRatio, name }) => [
          name,
          ((cpu.median * 1000) / callCount).toFixed(1),
          formatSpread(cpuRatio),
          name.startsWith("@weavai")
            ? `${atMost(cpuRatio.median, 3.1)}, leanest peer ${atMost(cpuRatio.median, leanest)}`
            : ""
        ])
      }
    ]
  }
}
