/**
 * The process of one alternative: runs it once for each message, and answers with what it took.
 */
import type { MakeCases, Sample } from "./compare.ts"

const [, , module, name, settings] = process.argv
const { cases } = (await import(module!)) as { readonly cases: MakeCases<unknown> }
const run = (await cases(JSON.parse(settings!)))[name!]!

process.on("message", async ({ isWarmup }: { readonly isWarmup: boolean }) => {
  const memory = process.memoryUsage.rss() / 2 ** 20
  const cpu = process.cpuUsage()
  const start = performance.now()
  await run(isWarmup)
  const wall = performance.now() - start
  const { system, user } = process.cpuUsage(cpu)
  const sample: Sample = {
    cpu: (system + user) / 1000,
    wall,
    memory,
    // The kernel's own high-water mark: it misses no peak, as samples would, and costs nothing.
    peakMemory: process.resourceUsage().maxRSS / 1024
  }
  process.send!(sample)
})
