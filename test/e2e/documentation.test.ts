/**
 * Every sample of TypeScript in the READMEs, the guides and the doc comments compiles and runs; links and commands work.
 *
 * Those of the root README and of the guide for users of the Python client are whole programs, and run as they stand. The
 * others run with addresses, ids and paths of the tests in place of their own. Where the last thing that one binds at its
 * top level is an effect or a stream, that is run to its end as well; where it is a layer, that is built.
 */
import { assert, describe, it } from "@effect/vitest"
import { ChatOperations, WeavConfig } from "@weavai/effect"
import * as WeavLanguageModel from "@weavai/effect/WeavLanguageModel"
import { LocalServer } from "@weavai/local"
import { Effect, Layer, ManagedRuntime, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, globSync } from "node:fs"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import { afterAll, vi } from "vitest"
import { root, run, runSource } from "../support/run.ts"

/** One for each run: two may go on at a time. Inside the repository, where the packages are found. */
const folder = join(root, "test/samples", String(process.pid))
afterAll(() => rm(folder, { recursive: true, force: true }))

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

const samplesAt = async (pattern: string): Promise<ReadonlyArray<Sample>> =>
  (await Promise.all(globSync(pattern, { cwd: root }).toSorted().map(samplesIn))).flat()

const programs = await samplesAt("{README.md,packages/docs/from-python.md}")
const guides = await samplesAt("packages/{effect,promise,local,undici,examples,bench}/*.md")
const comments = await samplesAt("packages/{effect,promise,local,undici}/src/**/*.ts")
const samples = [...programs, ...guides, ...comments]

const fileOf = ({ at }: Sample) => `${at.replace(/[^\w.-]/g, "_")}.ts`

const writeSamples = async () => {
  await mkdir(join(folder, "running"), { recursive: true })
  for (const sample of samples) await writeFile(join(folder, fileOf(sample)), `${sample.code}\nexport {}\n`)
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../../tsconfig.base.json",
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
      include: ["*.ts"]
    })
  )
}
await writeSamples()

const documents = join(root, "packages/examples/documents")

const service = ManagedRuntime.make(LocalServer.layer({ port: 0, documents: [documents] }))
const { documents: shelf, url } = await service.runPromise(LocalServer)
afterAll(() => service.dispose())

const fileId = shelf[0]!.fileId
const environment = { WEAV_ENV: url, WEAV_AUTH_TOKEN: "any", STAGING_TOKEN: "any", FILE_ID: fileId }

/** What a sample may leave to its reader. */
const Ambient = Layer.mergeAll(WeavLanguageModel.layer({ fileId }), Layer.effectContext(service.contextEffect)).pipe(
  Layer.provideMerge([WeavConfig.layer({ env: url, authToken: Redacted.make("any") }), FetchHttpClient.layer])
)

/** What stands in a sample for something of the reader's, and what that is here. */
const places: ReadonlyArray<readonly [string, string]> = [
  ["https://subdomain.weav.ai/", url],
  ['env: "local"', `env: "${url}"`],
  ["eyJhbGci…", "any"],
  ["file456", fileId],
  ["./policies", documents],
  ["policies/property.pdf", join(documents, "commercial-property-policy.md")],
  ["chats.db", join(folder, "chats.db")],
  ["http://localhost:4318", url],
  ["test/cassettes/", join(folder, "cassettes/")]
]

/** Writes a sample to be run, and says where. */
const prepare = async (sample: Sample): Promise<string> => {
  const last = Array.from(sample.code.matchAll(/^(?:export )?const (\w+)/gm), ([, name]) => name).at(-1)
  const code = places.reduce((code, [theirs, ours]) => code.replaceAll(theirs, ours), sample.code)
  const file = join(folder, "running", fileOf(sample))
  await writeFile(file, `${code}\nexport const lastBinding = ${last}\n`)
  return file
}

/** Runs what can be run. A program that is to go on until it is stopped is given a moment. */
const runBinding = (value: unknown, { code }: Sample): Effect.Effect<unknown, unknown> => {
  const running = Effect.isEffect(value)
    ? value
    : Stream.isStream(value)
      ? Stream.runDrain(value)
      : Layer.isLayer(value)
        ? Effect.scoped(Layer.build(value as Layer.Layer<unknown>))
        : Effect.void
  const end = code.includes("Layer.launch") ? Effect.sleep("500 millis") : Effect.never
  return Effect.raceFirst(Effect.provide(running as Effect.Effect<unknown>, Ambient), end)
}

describe("samples of code", () => {
  it("there are some of each kind", () => {
    assert.isAtLeast(programs.length, 14)
    assert.isAtLeast(guides.length, 7)
    assert.isAtLeast(comments.length, 30)
  })

  it("all compile", { timeout: 120_000 }, async () => {
    const { stdout } = await run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", folder])
    const problems = samples.reduce(
      (text, sample) => text.replaceAll(relative(root, join(folder, fileOf(sample))), sample.at),
      stdout
    )
    assert.strictEqual(problems, "")
  })

  describe("programs run as they stand", () => {
    it.each(programs)("$at", { timeout: 60_000 }, async (sample) => {
      const result = await runSource(join(folder, fileOf(sample)), [], environment)
      assert.strictEqual(result.stderr, "")
      assert.strictEqual(result.code, 0)
      if (sample.at.startsWith("README.md")) {
        assert.match(result.stdout, /deductible/i)
        assert.match(result.stdout, /page \d/)
      }
    })
  })

  describe("all others run", async () => {
    vi.stubEnv("RECORD", "1")
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    await service.runPromise(
      ChatOperations.chat({ userInput: "What is the deductible?", chatId: "chat123", fileId }).pipe(
        Effect.provide(Ambient)
      )
    )
    for (const sample of [...comments, ...guides]) {
      const file = await prepare(sample)
      if (sample.code.includes('from "@effect/vitest"')) {
        describe(sample.at, () => import(file))
        continue
      }
      it(sample.at, { timeout: 30_000 }, async () => {
        vi.spyOn(process.stdout, "write").mockReturnValue(true)
        vi.spyOn(console, "log").mockReturnValue(undefined)
        try {
          const { lastBinding } = await import(file)
          await Effect.runPromise(runBinding(lastBinding, sample))
        } finally {
          vi.restoreAllMocks()
        }
      })
    }
  })
})

const pages = await Promise.all(
  globSync("{README.md,packages/*/*.md}", { cwd: root }).map(async (file) => ({
    file,
    text: await readFile(join(root, file), "utf8")
  }))
)

/** What a pattern finds in the pages. */
const found = (pattern: RegExp) =>
  pages.flatMap(({ file, text }) => Array.from(text.matchAll(pattern), ([, it]) => ({ file, it: it! })))

it("links lead somewhere", () => {
  const links = found(/\]\((?!https?:|#)([^)#]+)/g)
  assert.isAtLeast(links.length, 10)
  assert.deepStrictEqual(
    links.filter(({ file, it }) => !existsSync(join(root, dirname(file), it))),
    []
  )
})

describe("commands", () => {
  it("those of this repository are its scripts", async () => {
    const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"))
    const names = found(/pnpm@[\d.]+ ([\w:-]+)/g).map(({ it }) => it)
    assert.isAtLeast(names.length, 5)
    assert.includeMembers(Object.keys(scripts), names)
  })

  const services = Array.from(new Set(found(/npx (weavai-local --.*?)(?:`|$)/gm).map(({ it }) => it)))
  it.each(services)("%s", { timeout: 30_000 }, async (command) => {
    const program = `"${process.execPath}" --conditions=weavai-source packages/local/src/main.ts`
    const line = command.replace("weavai-local", program).replace("./policies", documents).replace("7030", "0")
    const service = spawn("sh", ["-c", `exec ${line.includes("--port") ? line : `${line} --port 0`}`], { cwd: root })
    try {
      let output = ""
      service.stderr.on("data", (text) => (output += text))
      for await (const text of service.stdout) if ((output += text).includes("Listening on")) break
      assert.match(output, /Listening on http/)
    } finally {
      service.kill()
      if (service.exitCode === null) await once(service, "exit")
    }
  })
})
