/**
 * The README's first command.
 */
import { assert, describe, it } from "@effect/vitest"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runSource } from "../support/run.ts"

const demo = (...args: ReadonlyArray<string>) => runSource("packages/examples/src/demo.ts", args)

describe("demo", () => {
  it("asks the sample policy three questions and shows answers, sources, history and logs, plain when piped", async () => {
    const { code, stderr, stdout } = await demo()
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    assert.notInclude(stdout, "\u001b")
    const parts = stdout.split(/^Question \d.*$/m)
    assert.strictEqual(parts.length, 4)
    assert.match(parts[1]!, /2%[^]*\[1\][^]*#\s+file\s+page\s+score[^]*commercial-property-policy\.md\s+6\s+\d+\.\d\d/)
    assert.match(parts[2]!, /two years[^]*commercial-property-policy\.md\s+8\s/)
    assert.match(parts[3]!, /flood/i)
    assert.match(stdout, /^History {2}the 6 messages/m)
    assert.match(stdout, /^Logs {2}6 of 6 rows/m)
  })

  it("asks a document of one's own", async () => {
    const folder = await mkdtemp(join(tmpdir(), "weavai-demo-"))
    const file = join(folder, "lease.txt")
    await writeFile(file, "The tenant pays a monthly rent of $4,200 in advance.\n\fThe landlord insures the roof.\n")
    const { code, stdout } = await demo("--", file, "What is the monthly rent?", "Who insures the roof?")
    await rm(folder, { recursive: true })
    assert.strictEqual(code, 0)
    assert.match(stdout, /\$4,200[^]*lease\.txt\s+1\s[^]*landlord[^]*lease\.txt\s+2\s/)
  })

  it("says in one line what is missing", async () => {
    const noQuestion = await demo("--", "lease.txt")
    assert.strictEqual(noQuestion.code, 1)
    assert.strictEqual(noQuestion.stderr, 'Give a question about lease.txt as well: demo -- FILE "QUESTION"\n')

    const noFile = await demo("--", "/nowhere/lease.txt", "Who pays?")
    assert.strictEqual(noFile.code, 1)
    assert.match(noFile.stderr, /^[^\n]*\/nowhere\/lease\.txt[^\n]*\n$/)
  })
})
