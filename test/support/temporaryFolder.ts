import { afterAll } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const folders: Array<string> = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Makes a new folder, which is there while the tests of this file run. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "weavai-test-"))
  folders.push(folder)
  return folder
}
