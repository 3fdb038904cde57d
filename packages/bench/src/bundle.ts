/**
 * What programs weigh in a browser, and how long they take to import.
 */
import commonjs from "@rollup/plugin-commonjs"
import { nodeResolve } from "@rollup/plugin-node-resolve"
import { build, type BuildOptions, type Metafile } from "esbuild"
import { execFile } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { gzipSync } from "node:zlib"
import { rollup } from "rollup"
import { minify } from "terser"
import { atMost, type Section, type Table } from "./report.ts"
import { type Spread, spread } from "./spread.ts"

interface Program {
  readonly title: string
  /** The module in `bundle/`. */
  readonly name: string
  /** Gzipped, in kB. */
  readonly target?: number
}

const programs: ReadonlyArray<Program> = [
  { title: "@weavai/effect, one call", name: "effectCall", target: 38 },
  { title: "@weavai/effect, one stream", name: "effectStream", target: 46 },
  { title: "@weavai/promise, one call", name: "promiseCall" },
  { title: "@weavai/promise, one stream", name: "promiseStream" },
  { title: "openai", name: "openai" },
  { title: "@anthropic-ai/sdk", name: "anthropic" },
  { title: "stripe", name: "stripe" }
]

const importRounds = 15

/** The import of hundreds of files takes long enough for fewer rounds to do. */
const unbundledRounds = 5

const output = new URL("../dist/bundle/", import.meta.url)

export const measure = async (): Promise<Section> => {
  await mkdir(output, { recursive: true })
  const bundles = await Promise.all(programs.map(bundle))
  return {
    title: "Bundles",
    about:
      "A program of one call or one stream with each client, from the built packages and with all that it imports, minified for a browser; " +
      `kB of 1,000 bytes, gzipped. Its import into a fresh Node process, measured inside it: minimum and median of ${importRounds}, interleaved; ` +
      `unbundled is the same program with its packages imported from \`node_modules\`, ${unbundledRounds} times.`,
    tables: [sizes(bundles), await imports()],
    details: bundles.filter(({ name }) => name.startsWith("effect")).map(breakdown)
  }
}

interface Bundle extends Program {
  readonly esbuild: Uint8Array
  readonly rollup: string
  readonly metafile: Metafile
}

const bundle = async (program: Program): Promise<Bundle> => {
  const entry = fileURLToPath(new URL(`bundle/${program.name}.ts`, import.meta.url))
  const common = {
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    metafile: true,
    tsconfigRaw: {},
    write: false
  } satisfies BuildOptions
  const [minified, unbundled, rolledUp] = await Promise.all([
    build({ ...common, minify: true }),
    build({ ...common, packages: "external" }),
    rollUp(entry)
  ])
  const esbuild = minified.outputFiles[0]!.contents
  await writeFile(new URL(`${program.name}.js`, output), esbuild)
  await writeFile(new URL(`${program.name}.unbundled.js`, output), unbundled.outputFiles[0]!.contents)
  return { ...program, esbuild, rollup: rolledUp, metafile: minified.metafile }
}

// Typed as a CommonJS module, whose default export would be the whole of it.
const fromCommonJs = commonjs as unknown as typeof commonjs.default

const rollUp = async (input: string): Promise<string> => {
  const plugins = [nodeResolve({ browser: true }), fromCommonJs()]
  const build = await rollup({ input, plugins, logLevel: "silent" })
  const { output } = await build.generate({ inlineDynamicImports: true })
  const { code } = await minify(output[0].code, { ecma: 2020, module: true })
  return code!
}

const gzipped = (code: string | Uint8Array): number => gzipSync(code, { level: 9 }).length / 1000

const sizes = (bundles: ReadonlyArray<Bundle>): Table => ({
  caption: "Size",
  columns: ["program", "esbuild, minified", "gzipped", "rollup and terser, minified", "gzipped", "target"],
  rows: bundles.map(({ esbuild, rollup, target, title }) => [
    title,
    (esbuild.length / 1000).toFixed(1),
    gzipped(esbuild).toFixed(1),
    (Buffer.byteLength(rollup) / 1000).toFixed(1),
    gzipped(rollup).toFixed(1),
    target === undefined ? "" : atMost(gzipped(esbuild), target, 0)
  ])
})

const imports = async (): Promise<Table> => {
  const measured = programs.map(({ name, title }) => ({
    title,
    bundled: { url: new URL(`${name}.js`, output), times: [] as Array<number> },
    unbundled: { url: new URL(`${name}.unbundled.js`, output), times: [] as Array<number> }
  }))
  for (let round = 0; round < importRounds; round++) {
    for (const { bundled, unbundled } of measured) {
      bundled.times.push(await importTime(bundled.url))
      if (round < unbundledRounds) unbundled.times.push(await importTime(unbundled.url))
    }
  }
  const openai = spread(measured.find(({ title }) => title === "openai")!.bundled.times)
  return {
    caption: "Import, ms",
    columns: ["program", "bundle, minimum", "median", "unbundled, minimum", "median", "target"],
    rows: measured.map(({ bundled, title, unbundled }) => {
      const times = spread(bundled.times)
      const isOurs = title.startsWith("@weavai")
      return [
        title,
        ...minAndMedian(times),
        ...minAndMedian(spread(unbundled.times)),
        isOurs ? `half of openai, ${atMost(times.median, openai.median / 2, 1)}` : ""
      ]
    })
  }
}

const importTime = async (url: URL): Promise<number> => {
  const program = `const start = performance.now(); await import("${url}"); console.log(performance.now() - start)`
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program])
  return Number(stdout)
}

const minAndMedian = ({ median, min }: Spread) => [min.toFixed(1), median.toFixed(1)]

/** The modules that weigh most, in minified bytes. */
const breakdown = ({ metafile, title }: Bundle): Table => {
  const { inputs } = Object.values(metafile.outputs)[0]!
  return {
    caption: `${title}: minified bytes by module`,
    columns: ["module", "bytes"],
    rows: Object.entries(inputs)
      .sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput)
      .slice(0, 40)
      .map(([module, { bytesInOutput }]) => [
        module.replace(/^.*node_modules\//, ""),
        bytesInOutput.toLocaleString("en")
      ])
  }
}
