/**
 * The packed packages, installed in an empty project, against the local service in every runtime they are for: a message and its
 * answer, a streamed answer, a walk through the logs, an error, and an abort that closes the connection.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { build } from "esbuild"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFile, rm } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"
import { makePackedProject } from "../support/packedProject.ts"
import { root, run } from "../support/run.ts"
import { isChromiumHere, launchChromium } from "./chromium.ts"
import type { Outcome, Target } from "./runtimes/exchange.ts"

const installed = (path: string) => join(root, "test/e2e/node_modules", path)

const runtimes = [
  { name: "Node 22", command: installed("node-22/bin/node"), args: [], isNode: true },
  { name: "Node 24", command: process.execPath, args: [], isNode: true },
  { name: "Node 26", command: installed("node-26/bin/node"), args: [], isNode: true },
  { name: "Bun", command: installed(".bin/bun"), args: [], isNode: false },
  // The network is all that the SDK needs.
  {
    name: "Deno",
    command: installed(".bin/deno"),
    args: ["run", "--no-prompt", "--allow-net=127.0.0.1"],
    isNode: false
  }
]

const workerd = installed("workerd/bin/workerd")

const runs = async (command: string): Promise<boolean> => (await run(command, ["--version"])).code === 0
const runtimesHere = await Promise.all(
  runtimes.map(async (runtime) => ({ ...runtime, isHere: await runs(runtime.command) }))
)
const isWorkerdHere = await runs(workerd)

const answer = "The tenant pays a monthly rent of $4,200 in advance. [1]"

const assertOutcome = (outcome: Outcome, aborted: string) =>
  assert.deepStrictEqual(outcome, {
    answer,
    pieces: answer.split(/(?<= )/),
    rows: [answer, "What is the rent?", answer, "What is the rent?"],
    missing: "NotFound",
    aborted
  })

/** What both editions found, and that the service saw both aborted answers' connections close. */
const assertOutcomes = async ([effect, promise]: ReadonlyArray<Outcome>) => {
  assertOutcome(effect!, "interrupted")
  assertOutcome(promise!, "AbortError: enough")
  assert.strictEqual(await service.line(), "cut")
  assert.strictEqual(await service.line(), "cut")
}

/** A program that runs until it is stopped, and what it prints line by line. */
const start = (command: string, args: ReadonlyArray<string>) => {
  const child = spawn(command, args, { cwd: project, stdio: ["ignore", "pipe", "inherit"] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    line: async (): Promise<string> => {
      const { done, value } = await lines.next()
      if (done) throw new Error(`${command} has ended`)
      return value
    },
    stop: () => child.kill()
  }
}

const bundle = (entry: string, outfile: string) =>
  build({
    absWorkingDir: project,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: "esm",
    platform: "browser",
    logLevel: "silent"
  })

let project: string
let pages: Server
let origin: string
let service: ReturnType<typeof start>
let services: Omit<Target, "name">

beforeAll(async () => {
  project = (await makePackedProject(fileURLToPath(new URL("runtimes", import.meta.url)))).folder
  await Promise.all([bundle("page.ts", "page.js"), bundle("worker.ts", "worker.js")])
  const script = await readFile(join(project, "page.js"))
  pages = createServer(({ url }, response) => {
    if (url === "/page.js") {
      response.setHeader("content-type", "text/javascript").end(script)
    } else {
      // A page that forbids code made from strings, as careful ones do.
      response.setHeader("content-security-policy", "script-src 'self'").setHeader("content-type", "text/html")
      response.end('<!doctype html><script type="module" src="/page.js"></script>')
    }
  }).listen(0, "127.0.0.1")
  await once(pages, "listening")
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  service = start(process.execPath, ["service.ts", "lease.md", origin])
  services = JSON.parse(await service.line())
}, 240_000)

afterAll(async () => {
  service.stop()
  pages.close()
  await rm(project, { recursive: true, force: true })
})

const execute = async (command: string, args: ReadonlyArray<string>, target: Target) => {
  const { code, stderr, stdout } = await run(command, [...args, JSON.stringify(target)], { cwd: project })
  assert.strictEqual(stderr, "")
  assert.strictEqual(code, 0)
  return JSON.parse(stdout)
}

describe.each(runtimesHere)("$name", ({ args, command, isHere, isNode, name }) => {
  it.skipIf(!isHere)(`${name} runs the exchange`, async () => {
    await assertOutcomes(await execute(command, [...args, "program.ts"], { ...services, name }))
  })

  it.skipIf(!isHere)(`${name} loads the packages by require`, async () => {
    const found = await execute(command, [...args, "commonjs.cjs"], { ...services, name: `${name}, require` })
    assert.deepStrictEqual(found, [answer, answer, true])
  })

  if (!isNode) return
  it.skipIf(!isHere)(`${name} runs the exchange on @weavai/undici`, async () => {
    const [outcome] = await execute(command, [...args, "undici.ts"], { ...services, name: `${name}, undici` })
    assertOutcome(outcome, "interrupted")
    assert.strictEqual(await service.line(), "cut")
  })
})

describe("workerd", () => {
  it.skipIf(!isWorkerdHere)("workerd runs the exchange", async () => {
    const worker = start(workerd, ["serve", "worker.capnp", "--control-fd=1"])
    try {
      const { port } = JSON.parse(await worker.line())
      const response = await fetch(`http://127.0.0.1:${port}`, {
        method: "POST",
        body: JSON.stringify({ ...services, name: "workerd" })
      })
      await assertOutcomes(await response.json())
    } finally {
      worker.stop()
    }
  })
})

describe("Chromium", () => {
  it.skipIf(!isChromiumHere)("Chromium runs the exchange from an allowed origin, and from no other", async () => {
    const browser = await launchChromium(project)
    try {
      const page = await browser.newPage()
      await page.goto(origin, { waitUntil: "load" })
      const exchange = (edition: string, name: string) =>
        page.evaluate(([edition, target]) => (globalThis as any)[edition](target), [
          edition,
          { ...services, name }
        ] as const)
      await assertOutcomes([
        await exchange("effectExchange", "Chromium, effect"),
        await exchange("promiseExchange", "Chromium, promise")
      ])

      // Under another name the same page is of another origin, whose preflight the service does not answer.
      await page.goto(origin.replace("127.0.0.1", "localhost"), { waitUntil: "load" })
      const refused = await page.evaluate(
        (target) => (globalThis as any).promiseExchange(target).catch((error: any) => error.reason._tag),
        { ...services, name: "Chromium, refused" }
      )
      assert.strictEqual(refused, "TransportError")
    } finally {
      await browser.close()
    }
  })
})
