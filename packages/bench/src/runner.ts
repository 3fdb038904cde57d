/**
 * The process of one alternative: runs it once for each message, and answers with what it took.
 */
import type { Cases, Sample } from "./compare.ts"

const [, , module, name] = process.argv
const { cases } = (await import(module!)) as { readonly cases: Cases }
const run = cases[name!]!

process.on("message", async () => {
  const memory = process.memoryUsage.rss()
  const cpu = process.cpuUsage()
  const start = performance.now()
  await run()
  const wall = performance.now() - start
  const { system, user } = process.cpuUsage(cpu)
  const sample: Sample = {
    cpu: (system + user) / 1000,
    wall,
    memory: (process.memoryUsage.rss() - memory) / 1024 / 1024
  }
  process.send!(sample)
})
