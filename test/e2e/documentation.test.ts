/**
 * Every sample of code in the README and in the doc comments compiles; those of the README run as written.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import { LocalServer } from "@weavai/local"
import { Effect } from "effect"
import { globSync } from "node:fs"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { root, run, runSource } from "../support/run.ts"

const folder = join(root, "test/samples")

interface Sample {
  /** Where it stands, e.g. `README.md:26`. */
  readonly at: string
  readonly code: string
}

const samplesIn = async (file: string): Promise<ReadonlyArray<Sample>> => {
  const text = await readFile(join(root, file), "utf8")
  return Array.from(text.matchAll(/^([ \t]*\* |)```ts\n(.*?)^\1```/gms), ({ 1: prefix = "", 2: code = "", index }) => ({
    at: `${file}:${text.slice(0, index).split("\n").length}`,
    code: code.replace(new RegExp(`^${RegExp.escape(prefix.trimEnd())} ?`, "gm"), (start) => (prefix ? "" : start))
  }))
}

const fileOf = (sample: Sample) => `${sample.at.replace(/[^\w.-]/g, "_")}.ts`

const writeSamples = async (samples: ReadonlyArray<Sample>) => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  for (const sample of samples) await writeFile(join(folder, fileOf(sample)), `${sample.code}\nexport {}\n`)
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.base.json",
      compilerOptions: {
        composite: false,
        incremental: false,
        emitDeclarationOnly: false,
        declaration: false,
        declarationMap: false,
        noEmit: true,
        noUnusedLocals: false,
        types: ["node"]
      },
      include: ["."]
    })
  )
}

const readme = await samplesIn("README.md")
const guides = await Promise.all(globSync("{docs,packages/*}/*.md", { cwd: root }).map(samplesIn))
const comments = await Promise.all(
  globSync("packages/{effect,promise,local,undici}/src/**/*.ts", { cwd: root }).map(samplesIn)
)
const samples = [...readme, ...guides.flat(), ...comments.flat()]
await writeSamples(samples)

const policy = join(root, "packages/examples/documents/commercial-property-policy.md")

describe("samples of code", () => {
  it("there are some in the README and in the doc comments", () => {
    assert.isAtLeast(readme.length, 2)
    assert.isAtLeast(comments.flat().length, 10)
  })

  it("all compile", { timeout: 120_000 }, async () => {
    const { stdout } = await run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", folder])
    const problems = samples.reduce(
      (text, sample) => text.replaceAll(join("test/samples", fileOf(sample)), sample.at),
      stdout
    )
    assert.strictEqual(problems, "")
  })

  layer(LocalServer.layer({ port: 0, documents: [policy] }))((it) => {
    for (const sample of readme) {
      it.effect(`${sample.at} runs`, () =>
        Effect.gen(function* () {
          const { documents, url } = yield* LocalServer
          const result = yield* Effect.promise(() =>
            runSource(join(folder, fileOf(sample)), [], {
              WEAV_ENV: url,
              WEAV_AUTH_TOKEN: "any",
              FILE_ID: documents[0]!.fileId
            })
          )
          assert.strictEqual(result.stderr, "")
          assert.strictEqual(result.code, 0)
          assert.match(result.stdout, /deductible/i)
          assert.match(result.stdout, /page \d/)
        })
      )
    }
  })
})
