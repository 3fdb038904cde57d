/**
 * The public packages as their users get them: packed by npm, installed in an empty project outside the workspace.
 */
import { cp, mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { root, run } from "./run.ts"

/** The folders of the public packages. */
export const publicPackages = ["effect", "promise", "local", "undici"] as const

export interface PackedProject {
  readonly folder: string
  /** The tarball of each public package. */
  readonly tarballs: Readonly<Record<(typeof publicPackages)[number], string>>
}

/** Makes such a project in a new folder under the system's own for temporary files, with a copy of the given folder's files in it. */
export const makePackedProject = async (files: string): Promise<PackedProject> => {
  const folder = await mkdtemp(join(tmpdir(), "weavai-packages-"))
  const packed = await Promise.all(publicPackages.map(async (name) => [name, await pack(name, folder)] as const))
  const tarballs = Object.fromEntries(packed) as PackedProject["tarballs"]

  await cp(files, folder, { recursive: true })
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }))
  const options = ["--no-audit", "--no-fund", "--prefer-offline"]
  const install = await run("npm", ["install", ...options, ...Object.values(tarballs), "@types/node@24"], {
    cwd: folder
  })
  if (install.code !== 0) throw new Error(`npm install failed: ${install.stderr}`)
  return { folder, tarballs }
}

const pack = async (name: string, folder: string): Promise<string> => {
  const { stderr, stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: join(root, "packages", name)
  })
  const start = stdout.indexOf("[")
  if (start === -1) throw new Error(`npm pack failed: ${stderr}`)
  return join(folder, JSON.parse(stdout.slice(start))[0].filename)
}
