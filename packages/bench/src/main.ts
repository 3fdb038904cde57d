/**
 * Runs the benchmarks: all of them, with the results written to RESULTS.md, or those that are named. `--why` prints
 * what looks into a result as well.
 */
import { writeFile } from "node:fs/promises"
import { cpus, totalmem } from "node:os"
import { parseArgs } from "node:util"
import { formatSection, formatTable, type Section } from "./report.ts"

const groups = ["stream", "call", "loopback", "logs", "memory", "bundle"]

const { positionals, values } = parseArgs({ allowPositionals: true, options: { why: { type: "boolean" } } })
const unknown = positionals.find((name) => !groups.includes(name))
if (unknown !== undefined) {
  console.error(`There is no benchmark "${unknown}". Name some of ${groups.join(", ")}, or none to run them all.`)
  process.exit(1)
}

const start = performance.now()
const sections: Array<string> = []
for (const name of positionals.length === 0 ? groups : positionals) {
  const { measure } = (await import(`./${name}.ts`)) as { readonly measure: () => Promise<Section> }
  const section = await measure()
  sections.push(formatSection(section))
  console.log(`\n${sections.at(-1)}`)
  if (values.why) for (const table of section.details ?? []) console.log(`\n${formatTable(table)}`)
}

const machine = `${cpus().length} × ${cpus()[0]!.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`
const minutes = ((performance.now() - start) / 60_000).toFixed(1)
console.log(`\n${machine}, Node ${process.versions.node}, ${minutes} minutes`)

if (positionals.length === 0) {
  const head = [
    "# Benchmarks",
    `Measured ${new Date().toISOString().slice(0, 10)} on ${machine}, Node ${process.versions.node}, in ${minutes} minutes by \`pnpm bench\`.`,
    "Each alternative runs in a process of its own, the rounds of all alternatives interleaved. Values are medians; in brackets what half of " +
      "the rounds lie between. Ratios are taken round by round. ✓ and ✗ say whether a target is met."
  ]
  await writeFile(new URL("../RESULTS.md", import.meta.url), `${[...head, ...sections].join("\n\n")}\n`)
}
process.exit(0)
