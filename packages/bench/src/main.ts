import { compare } from "./compare.ts"
const [, , name = "call", rounds = "20"] = process.argv
const module = new URL(`${name}.ts`, import.meta.url).href
const { cases } = await import(module)
for (const row of await compare(module, Object.keys(cases), { rounds: Number(rounds), warmup: 5 }))
  console.log(
    row.name.padEnd(40),
    row.cpu.median.toFixed(1).padStart(8),
    row.cpuRatio.median.toFixed(2),
    `${row.cpuRatio.min.toFixed(2)}–${row.cpuRatio.max.toFixed(2)}`,
    row.speed.median.toFixed(2)
  )
process.exit(0)
