/**
 * Programs as processes of their own.
 */
import { execFile } from "node:child_process"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"

/** The repository's root. */
export const root = fileURLToPath(new URL("../..", import.meta.url))

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; whatever its exit code, what it printed comes back. */
export const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}
): Promise<Outcome> =>
  new Promise((resolve) => {
    const { cwd = root } = options
    // A program that asks for `node` gets the one that runs the tests.
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`, ...options.env }
    execFile(command, args, { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr })
    })
  })

/** Runs a TypeScript program of this repository from its source. */
export const runSource = (
  file: string,
  args: ReadonlyArray<string> = [],
  env: NodeJS.ProcessEnv = {}
): Promise<Outcome> => run(process.execPath, ["--conditions=weavai-source", file, ...args], { env })
