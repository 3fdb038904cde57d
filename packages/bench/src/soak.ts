/**
 * A soak: 200 requests in flight for ten minutes, or for as long as is asked (`pnpm soak 30s`), against a service in a
 * second process that fails in every way it can. Then the books have to balance to the last message, memory to be where
 * it was, and nothing to be open.
 */
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { formatTable } from "./report.ts"
import { startService } from "./service.ts"
import { makeClients } from "./soak/clients.ts"
import { openLedger, type Tally } from "./soak/ledger.ts"
import { type Memory, sampleMemory, thirds } from "./soak/memory.ts"
import { work } from "./soak/work.ts"

const inFlight = 200

/** How much larger the heap of a process may be in the last third than in the first, in MiB. */
const allowedGrowth = 3

/** The failures that the service's faults have to lead to, or they were not tried. */
const rehearsed = ["RateLimited", "ServerError", "TransportError", "TimeoutError", "StreamInterrupted"]

const policy = `# Deductibles

The windstorm deductible is $5,000 per occurrence. The theft deductible is $1,000 per occurrence.
`

interface Expectation {
  readonly what: string
  readonly found: string
  readonly expected: string
  readonly isMet: boolean
}

const soak = async (duration: number): Promise<ReadonlyArray<Expectation>> => {
  const folder = await mkdtemp(join(tmpdir(), "weavai-soak-"))
  const data = join(folder, "chats.db")
  const document = join(folder, "policy.md")
  await writeFile(document, policy)
  using ledger = openLedger(join(folder, "ledger.db"))
  using service = await startService("./soak/service.ts", data, document)
  const fileId = await firstDocument(service.origin)

  const clients = makeClients(service.origin)
  const deadline = performance.now() + duration
  const memory = { "the clients": [] as Array<Memory>, "the service": [] as Array<Memory> }
  const watch = async () => {
    while (performance.now() < deadline) {
      await sleep(Math.max(500, duration / 60))
      memory["the clients"].push(sampleMemory())
      service.process.send("memory")
      const [sample] = (await once(service.process, "message")) as [Memory]
      memory["the service"].push(sample)
    }
  }
  const workers = Array.from({ length: inFlight }, (_, i) => work(i, { clients, deadline, fileId, ledger }))
  await Promise.all([watch(), ...workers])
  for (const client of clients) await client[Symbol.asyncDispose]()
  service.process.kill()
  await once(service.process, "exit")

  const tallies = ledger.tallies()
  console.log(`\n${formatTallies(tallies)}\n\n${formatMemory(memory)}`)
  const expectations = [
    ...ledger.audit(data).map(({ count, what }) => atMost(what, count, 0)),
    ...rehearsed.map((tag) => atLeast(`failures as ${tag}`, countOf(tallies, tag), 1)),
    atLeast("calls answered, %", (100 * countOf(tallies, "answered")) / countOf(tallies), 70),
    ...Object.entries(memory).map(([name, samples]) => {
      const [first, last] = thirds(samples)
      return atMost(`growth of the heap of ${name}, MiB`, last.heap - first.heap, allowedGrowth)
    })
  ]
  if (expectations.every(({ isMet }) => isMet)) await rm(folder, { recursive: true })
  else console.log(`\nThe databases are in ${folder}.`)
  return expectations
}

const firstDocument = async (origin: string): Promise<string> => {
  const response = await fetch(`${origin}/documents`, { headers: { authorization: "Bearer any" } })
  const [document] = (await response.json()) as [{ readonly file_id: string }]
  return document.file_id
}

const countOf = (tallies: ReadonlyArray<Tally>, outcome?: string): number =>
  tallies.reduce((sum, tally) => (outcome === undefined || tally.outcome === outcome ? sum + tally.count : sum), 0)

const atMost = (what: string, value: number, limit: number): Expectation => ({
  what,
  found: format(value),
  expected: limit === 0 ? "0" : `≤ ${limit}`,
  isMet: value <= limit
})

const atLeast = (what: string, value: number, limit: number): Expectation => ({
  what,
  found: format(value),
  expected: `≥ ${limit}`,
  isMet: value >= limit
})

const format = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 1 })

const formatTallies = (tallies: ReadonlyArray<Tally>): string => {
  const outcomes = Array.from(new Set(["answered", ...tallies.map(({ outcome }) => outcome).sort()]))
  const kinds = Map.groupBy(tallies, ({ client, operation }) => `${operation}, ${client}`)
  return formatTable({
    caption: `${format(countOf(tallies))} calls, ${inFlight} in flight, and how they ended`,
    columns: ["operation, client", "calls", ...outcomes],
    rows: Array.from(kinds, ([kind, tallies]) => [
      kind,
      ...[undefined, ...outcomes].map((outcome) => format(countOf(tallies, outcome)))
    ])
  })
}

const formatMemory = (memory: { readonly [process: string]: ReadonlyArray<Memory> }): string =>
  formatTable({
    caption: "Memory in MiB, medians of the first and of the last third",
    columns: ["process", "heap after a collection", "then", "RSS", "then"],
    rows: Object.entries(memory).map(([process, samples]) => {
      const [first, last] = thirds(samples)
      return [process, ...[first.heap, last.heap, first.rss, last.rss].map(format)]
    })
  })

const [, , span = "10m"] = process.argv
const [, amount, unit] = /^(\d+)(s|m)$/.exec(span) ?? []
if (amount === undefined) {
  console.error(`"${span}" is no time to soak for. Give seconds or minutes, such as 30s or 10m.`)
  process.exit(1)
}

console.log(`${inFlight} requests in flight for ${span} …`)
// Behind the first output: a pipe that it goes to is open from then on.
const openBefore = process.getActiveResourcesInfo()
const expectations = await soak(Number(amount) * (unit === "m" ? 60_000 : 1000))

/** What keeps this process alive, beyond what did so at its start. */
const openNow = (): ReadonlyArray<string> => {
  const resources = process.getActiveResourcesInfo()
  for (const resource of openBefore) if (resources.includes(resource)) resources.splice(resources.indexOf(resource), 1)
  return resources
}
for (const end = performance.now() + 5000; openNow().length > 0 && performance.now() < end;) await sleep(50)
const left = openNow()
const all = [...expectations, { ...atMost("resources open at the end", left.length, 0), found: left.join() || "0" }]
console.log(
  `\n${formatTable({
    caption: "What was expected",
    columns: ["", "found", "expected"],
    rows: all.map(({ expected, found, isMet, what }) => [what, found, `${expected} ${isMet ? "✓" : "✗"}`])
  })}`
)
process.exitCode = all.every(({ isMet }) => isMet) ? 0 : 1

// Does not keep the process alive itself: it strikes only where something else does.
setTimeout(() => {
  console.error(`The process does not end by itself: ${openNow().join()}`)
  process.exit(1)
}, 5000).unref()
