/**
 * The public packages as `npm pack` makes them, installed in an empty project outside the workspace.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { root, run } from "../support/run.ts"

const names = ["effect", "promise", "local", "undici"]

const program = `
import { ChatOperations, ChatStream, WeavConfig } from "@weavai/effect"
import { LocalServer } from "@weavai/local"
import { createChatClient, NotFound } from "@weavai/promise"
import { Effect, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"

const program = Effect.gen(function*() {
  const { documents, url } = yield* LocalServer
  const request = { userInput: "What is the rent?", chatId: "c", fileId: documents[0]!.fileId }

  const reply = yield* ChatOperations.streamChat(request).pipe(
    ChatStream.collect,
    Effect.provide([WeavConfig.layer({ env: url, authToken: Redacted.make("any") }), FetchHttpClient.layer])
  )
  console.log("effect:", reply.text)

  yield* Effect.promise(async () => {
    await using client = createChatClient({ env: url, authToken: "any" })
    console.log("promise:", (await client.chat(request)).text)
    await client.getChatHistory({ chatId: "nobody" }).catch((error: unknown) => {
      console.log("not found:", error instanceof NotFound)
    })
  })
})

await Effect.runPromise(program.pipe(Effect.provide(LocalServer.layer({ port: 0, documents: ["lease.md"] }))))
`

describe("packed packages in an empty project", () => {
  let project: string

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), "weavai-packages-"))
    const packed = await Promise.all(
      names.map((name) =>
        run("npm", ["pack", "--json", "--pack-destination", project], { cwd: join(root, "packages", name) })
      )
    )
    const tarballs = packed.map(({ stderr, stdout }) => {
      const start = stdout.indexOf("[")
      if (start === -1) throw new Error(`npm pack failed: ${stderr}`)
      return `./${JSON.parse(stdout.slice(start))[0].filename}`
    })
    await writeFile(join(project, "package.json"), JSON.stringify({ type: "module", private: true }))
    await writeFile(join(project, "lease.md"), "The tenant pays a monthly rent of $4,200 in advance.\n")
    await writeFile(join(project, "program.ts"), program)
    await cp(join(root, "test/e2e/project.tsconfig.json"), join(project, "tsconfig.json"))
    const install = await run(
      "npm",
      ["install", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs, "@types/node@24"],
      {
        cwd: project
      }
    )
    if (install.code !== 0) throw new Error(`npm install failed: ${install.stderr}`)
  }, 240_000)

  afterAll(() => rm(project, { recursive: true, force: true }))

  it("types check", { timeout: 60_000 }, async () => {
    const { stdout } = await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project])
    assert.strictEqual(stdout, "")
  })

  it("a program runs", { timeout: 60_000 }, async () => {
    const { code, stderr, stdout } = await run(process.execPath, ["program.ts"], { cwd: project })
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    assert.match(stdout, /^effect: .*\$4,200.*\npromise: .*\$4,200.*\nnot found: true\n$/)
  })

  it("the service's program is there", { timeout: 60_000 }, async () => {
    const { stdout } = await run(join(project, "node_modules/.bin/weavai-local"), ["--help"], { cwd: project })
    assert.match(stdout, /weavai-local/)
    assert.match(stdout, /--docs/)
  })

  it.each(names)("@weavai/%s holds what it needs and no more", async (name) => {
    const folder = join(project, "node_modules/@weavai", name)
    const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"))
    assert.isString(manifest.license)
    const { stdout } = await run("find", [".", "-type", "f"], { cwd: folder })
    const files = stdout.trim().split("\n")
    for (const file of [
      "./README.md",
      "./LICENSE",
      "./dist/index.js",
      "./dist/index.d.ts",
      "./dist/index.d.ts.map",
      "./src/index.ts"
    ]) {
      assert.include(files, file)
    }
    assert.isEmpty(files.filter((file) => /tsbuildinfo|\.test\.|node_modules/.test(file)))
  })
})
