/**
 * The API documentation, made from the source: that it can be made without a warning, and that nothing public lacks a comment.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { type Outcome, root, run } from "../support/run.ts"

const cwd = join(root, "packages/docs")
const publicPackages = ["@weavai/effect", "@weavai/local", "@weavai/promise", "@weavai/undici"]

/** The part of TypeDoc's JSON that is looked at. */
interface Reflection {
  readonly name: string
  readonly kind: number
  readonly flags?: { readonly isOptional?: boolean }
  readonly comment?: object
  readonly signatures?: ReadonlyArray<Reflection>
  readonly children?: ReadonlyArray<Reflection>
}

let folder: string
let outcome: Outcome
let project: Reflection

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weavai-api-"))
  const json = join(folder, "api.json")
  const typedoc = join(cwd, "node_modules/typedoc/bin/typedoc")
  outcome = await run(process.execPath, [typedoc, "--out", join(folder, "site"), "--json", json], { cwd })
  project = JSON.parse(await readFile(json, "utf8").catch(() => "{}"))
}, 240_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

/** All that is documented, each with the names it stands under. */
const walk = (reflection: Reflection, path: ReadonlyArray<string> = []): ReadonlyArray<[string, Reflection]> =>
  (reflection.children ?? []).flatMap((child) => {
    const at = [...path, child.name]
    return [[at.join("."), child] as [string, Reflection], ...walk(child, at)]
  })

describe("the API documentation", () => {
  // Warned about: names that are exported without a comment, or missing where another refers to them, and dead links.
  it("is made without a warning", () => {
    assert.strictEqual(outcome.stderr, "")
    assert.notInclude(outcome.stdout, "[warning]")
    assert.notInclude(outcome.stdout, "[error]")
    assert.strictEqual(outcome.code, 0)
  })

  it("is of all public packages", () => {
    assert.sameMembers(project.children?.map(({ name }) => name) ?? [], publicPackages)
  })

  it("says of every option what it does", () => {
    const options = walk(project).filter(([, { flags }]) => flags?.isOptional)
    assert.isAtLeast(options.length, 80)
    const undocumented = options.filter(
      ([, { comment, signatures = [] }]) => comment === undefined && signatures.every(({ comment }) => !comment)
    )
    assert.deepStrictEqual(
      undocumented.map(([at]) => at),
      []
    )
  })

  it("has no internal module", () => {
    const names = walk(project).map(([at]) => at)
    assert.include(names, "@weavai/effect.ChatOperations.chat")
    assert.deepStrictEqual(
      names.filter((name) => name.includes("internal/")),
      []
    )
  })
})
