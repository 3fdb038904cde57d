/**
 * The public packages as npm packs them, installed in an empty project outside the workspace.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { build } from "esbuild"
import { existsSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"
import { makePackedProject, type PackedProject, publicPackages } from "../support/packedProject.ts"
import { root, run } from "../support/run.ts"

const installed = (path: string) => join(root, "test/e2e/node_modules", path)

const compilers = {
  "5.9": installed("typescript-5.9/bin/tsc"),
  "6": installed("typescript-6/bin/tsc"),
  "7": join(root, "node_modules/typescript/bin/tsc")
}

const resolutions = [
  { moduleResolution: "nodenext", module: "nodenext" },
  { moduleResolution: "bundler", module: "preserve" }
]

const compilerOptions = {
  target: "es2023",
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  allowJs: true,
  noEmit: true,
  types: ["node"]
}

let project: PackedProject

beforeAll(async () => {
  project = await makePackedProject(fileURLToPath(new URL("packages", import.meta.url)))
}, 240_000)

afterAll(() => rm(project.folder, { recursive: true, force: true }))

/** Runs one of the project's programs with the Node that runs the tests. */
const node = (...args: ReadonlyArray<string>) => run(process.execPath, args, { cwd: project.folder })

describe("a user's programs", () => {
  it("a program runs", { timeout: 60_000 }, async () => {
    const { code, stderr, stdout } = await node("program.ts")
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    assert.match(
      stdout,
      /^(effect: .*\$4,200.*)\n(undici: .*\$4,200.*)\nscripted: As scripted\.\n(promise: .*\$4,200.*)\nnot found: true\n$/
    )
  })

  it("a CommonJS program loads every package by require", { timeout: 60_000 }, async () => {
    const { code, stderr, stdout } = await node("commonjs.cjs")
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    assert.strictEqual(stdout, "function\n".repeat(4))
  })

  it("the service's program is there", { timeout: 60_000 }, async () => {
    const { stdout } = await run(join(project.folder, "node_modules/.bin/weavai-local"), ["--help"])
    assert.match(stdout, /weavai-local/)
    assert.match(stdout, /--docs/)
  })

  describe.each(Object.entries(compilers))("TypeScript %s", (_, tsc) => {
    it.each(resolutions)("types check with $moduleResolution", { timeout: 180_000 }, async (options) => {
      const files = ["program.ts", "commonjs.cjs"]
      const configuration = { compilerOptions: { ...compilerOptions, ...options }, files }
      await writeFile(join(project.folder, "tsconfig.json"), JSON.stringify(configuration))
      const { code, stderr, stdout } = await node(tsc, "-p", project.folder)
      assert.strictEqual(stdout + stderr, "")
      assert.strictEqual(code, 0)
    })
  })
})

describe("a bundle", () => {
  const bundle = async (contents: string, platform: "browser" | "node") => {
    const { outputFiles, warnings } = await build({
      stdin: { contents, resolveDir: project.folder },
      bundle: true,
      minify: true,
      format: "esm",
      platform,
      write: false,
      logLevel: "silent"
    })
    assert.isEmpty(warnings)
    return outputFiles[0]!.text
  }

  it.each(["effect", "effect/RequestLimit", "effect/testing", "promise"])(
    "for browsers can hold all of @weavai/%s",
    async (name) => {
      // A module of Node's would fail the build.
      assert.match(await bundle(`export * from "@weavai/${name}"`, "browser"), /^export|export{/m)
    }
  )

  it.each(publicPackages)("leaves out @weavai/%s where nothing is used of it", async (name) => {
    assert.strictEqual(await bundle(`import * as unused from "@weavai/${name}"`, "node"), "")
  })
})

describe.each(publicPackages)("@weavai/%s", (name) => {
  const contents = async () => {
    const folder = join(project.folder, "node_modules/@weavai", name)
    const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"))
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    return { folder, manifest, files }
  }

  it("holds what it needs and no more", async () => {
    const { files, folder } = await contents()
    for (const file of [
      "README.md",
      "AGENTS.md",
      "CHANGELOG.md",
      "LICENSE",
      "dist/index.js",
      "dist/index.d.ts",
      "src/index.ts"
    ]) {
      assert.include(files, join(folder, file))
    }
    const expected = /^(package\.json|LICENSE|[A-Z]+\.md|src\/.*\.ts|dist\/.*(\.js|\.d\.ts)(\.map)?)$/
    assert.isEmpty(files.map((file) => file.slice(folder.length + 1)).filter((file) => !expected.test(file)))
  })

  it("says who made it, where from, and how it is published", async () => {
    const { manifest } = await contents()
    const { bugs, homepage, keywords, license, publishConfig, repository } = manifest
    assert.strictEqual(license, "MIT")
    assert.strictEqual(repository.directory, `packages/${name}`)
    assert.isTrue(repository.url.includes(new URL(bugs).pathname.replace(/\/issues$/, ".git")))
    assert.isTrue(homepage.endsWith(`/packages/${name}#readme`))
    assert.isAbove(keywords.length, 3)
    assert.deepStrictEqual(publishConfig, { access: "public", provenance: true })
  })

  it("maps its modules and declarations to the sources that it holds, by no path of the machine that built it", async () => {
    const { files } = await contents()
    const built = files.filter((file) => /\.(js|d\.ts)$/.test(file) && file.includes("/dist/"))
    for (const file of built) {
      assert.include(files, `${file}.map`)
      const map = await readFile(`${file}.map`, "utf8")
      for (const source of JSON.parse(map).sources) assert.isTrue(existsSync(join(dirname(file), source)), source)
      assert.notInclude(map + (await readFile(file, "utf8")), root)
    }
  })

  it("publint finds nothing to better", async () => {
    const { code, stdout } = await run(installed(".bin/publint"), ["run", project.tarballs[name], "--strict"])
    assert.strictEqual(code, 0, stdout)
  })

  it("are-the-types-wrong finds nothing wrong", async () => {
    // ESM only: CommonJS programs load it by `require` all the same, as is tested above.
    const { code, stdout } = await run(installed(".bin/attw"), [project.tarballs[name], "--profile", "esm-only"])
    assert.strictEqual(code, 0, stdout)
  })
})

describe("a build made again", () => {
  it.each(publicPackages)("declares the same for %s", { timeout: 60_000 }, async (name) => {
    const folder = await mkdtemp(join(tmpdir(), "weavai-declarations-"))
    const options = ["--emitDeclarationOnly", "--composite", "false", "--incremental", "false", "--outDir", folder]
    const { code, stdout } = await run(process.execPath, [
      compilers[7],
      "-p",
      join(root, "packages", name, "tsconfig.json"),
      ...options
    ])
    assert.strictEqual(stdout, "")
    assert.strictEqual(code, 0)
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".d.ts"))
    assert.isNotEmpty(files)
    for (const file of files) {
      const again = await readFile(join(folder, file), "utf8")
      assert.strictEqual(again, await readFile(join(root, "packages", name, "dist", file), "utf8"), file)
    }
    await rm(folder, { recursive: true })
  })
})
