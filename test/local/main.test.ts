import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { version } from "../../packages/local/src/internal/version.ts"
import { policyFolder, question } from "../support/policyFolder.ts"

const main = fileURLToPath(new URL("../../packages/local/src/main.ts", import.meta.url))

/** Runs the program; killed when the scope closes. */
const run = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--conditions=weavai-source", main, ...args], {
          env: { PATH: process.env["PATH"], ...env },
          stdio: ["ignore", "pipe", "pipe"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    ),
    (child) => {
      let out = ""
      let err = ""
      child.stderr.setEncoding("utf8").on("data", (text) => (err += text))
      const listening = new Promise<string>((resolve, reject) => {
        child.stdout.setEncoding("utf8").on("data", (text) => {
          out += text
          const url = /Listening on (\S+) .*\n\n[^]*\n\n?$/.exec(out)?.[1]
          if (url !== undefined) resolve(url)
        })
        child.on("close", () => reject(new Error(`ended before it listened: ${err}`)))
      })
      listening.catch(() => {})
      const ended = once(child, "close").then(([code]) => code as number | null)
      return {
        child,
        /** The URL that it says it listens on. */
        listening: Effect.promise(() => listening),
        /** The exit code. */
        ended: Effect.promise(() => ended),
        output: () => out,
        errors: () => err
      }
    }
  )

const get = (url: string, token = "any") =>
  Effect.promise(() => fetch(url, { headers: { authorization: `Bearer ${token}` } }))

const json = (url: string) =>
  Effect.flatMap(get(url), (response) => Effect.promise(() => response.json() as Promise<any>))

describe("weavai-local", () => {
  it.live("says where it listens, what can be asked, and how, with a command that works", () =>
    Effect.gen(function* () {
      const { documents } = yield* policyFolder
      const program = yield* run(["--docs", documents, "--port", "0"])
      const url = yield* program.listening
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
      const [document] = yield* json(`${url}/documents`)
      assert.match(program.output(), new RegExp(`^${document.file_id} +2 +policy\\.md$`, "m"))
      const curl = /curl (\S+) [^]*-d '(.*)'/.exec(program.output())
      const answer = yield* Effect.promise(() =>
        fetch(curl?.[1] ?? "", { method: "POST", headers: { authorization: "Bearer any" }, body: curl?.[2] ?? "" })
      )
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(program.errors(), "")
    })
  )

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`stops on ${signal} after the answer under way, and calls that no failure`, () =>
      Effect.gen(function* () {
        const { documents } = yield* policyFolder
        const program = yield* run(["--docs", documents, "--port", "0", "--piece-delay", "20"])
        const url = yield* program.listening
        const [{ file_id }] = yield* json(`${url}/documents`)
        const response = yield* Effect.promise(() =>
          fetch(`${url}/chat`, {
            method: "POST",
            headers: { authorization: "Bearer any" },
            body: JSON.stringify({ user_input: question, file_id, chat_id: "c", stream: true })
          })
        )
        program.child.kill(signal)
        const text = yield* Effect.promise(() => response.text())
        assert.isTrue(text.endsWith("data: [DONE]\n\n"))
        assert.strictEqual(yield* program.ended, 0)
        assert.strictEqual(program.errors(), "")
      })
    )
  }

  it.live("has kept every answered message when it is killed", () =>
    Effect.gen(function* () {
      const { documents, data } = yield* policyFolder
      const first = yield* run(["--docs", documents, "--port", "0", "--data", data])
      const url = yield* first.listening
      const [{ file_id }] = yield* json(`${url}/documents`)
      yield* Effect.promise(() =>
        fetch(`${url}/chat`, {
          method: "POST",
          headers: { authorization: "Bearer any" },
          body: JSON.stringify({ user_input: question, file_id, chat_id: "c" })
        })
      )
      first.child.kill("SIGKILL")
      yield* first.ended
      const second = yield* run(["--port", "0", "--data", data])
      const { messages } = yield* json(`${yield* second.listening}/chat_history?chat_id=c`)
      assert.deepStrictEqual(
        messages.map(({ type }: { readonly type: string }) => type),
        ["user", "assistant"]
      )
      assert.include(messages[1].text, "$5,000")
    })
  )

  it.live("takes the token from --token or WEAV_LOCAL_TOKEN, prints neither, and leaves WEAV_AUTH_TOKEN alone", () =>
    Effect.gen(function* () {
      const byFlag = yield* run(["--port", "0", "--token", "fl4g"], { WEAV_LOCAL_TOKEN: "3nv" })
      const byEnv = yield* run(["--port", "0"], { WEAV_LOCAL_TOKEN: "3nv", WEAV_AUTH_TOKEN: "r3al" })
      const accepts = (url: string, token: string) =>
        Effect.map(get(`${url}/documents`, token), ({ status }) => status === 200)
      const flagUrl = yield* byFlag.listening
      const envUrl = yield* byEnv.listening
      assert.deepStrictEqual([yield* accepts(flagUrl, "fl4g"), yield* accepts(flagUrl, "3nv")], [true, false])
      assert.deepStrictEqual([yield* accepts(envUrl, "3nv"), yield* accepts(envUrl, "r3al")], [true, false])
      for (const { output, errors } of [byFlag, byEnv]) assert.notMatch(output() + errors(), /fl4g|3nv|r3al/)
    })
  )

  it.live("makes the faults that it is told to", () =>
    Effect.gen(function* () {
      const rules = ['{"latency":1}', '{"on":"getChatLogs","status":503,"times":1}']
      const program = yield* run(["--port", "0", ...rules.flatMap((rule) => ["--fault", rule])])
      const url = yield* program.listening
      assert.deepStrictEqual(yield* json(`${url}/chat_logs`), { detail: "Service Unavailable" })
      assert.strictEqual((yield* get(`${url}/chat_logs`)).status, 200)
    })
  )

  it.live("warns when other machines can reach it", () =>
    Effect.gen(function* () {
      const open = yield* run(["--port", "0", "--host", "0.0.0.0"])
      yield* open.listening
      assert.match(open.errors(), /Other machines can reach 0\.0\.0\.0, and any token is accepted/)
      const local = yield* run(["--port", "0", "--host", "localhost"])
      yield* local.listening
      assert.strictEqual(local.errors(), "")
    })
  )

  it.live("says in one line what is wrong and what to do, and fails", () =>
    Effect.gen(function* () {
      const running = yield* run(["--port", "0"])
      const port = new URL(yield* running.listening).port
      const cases = [
        [
          ["--port", port],
          `Port ${port} of 127.0.0.1 is taken by another program. Stop that program, or choose another port`
        ],
        [["--port", "0", "--docs", "/nowhere/policy.md"], "/nowhere/policy.md: There is no such file"],
        [["--port", "0", "--docs", main], ".ts file cannot be read"],
        [["--port", "0", "--data", "/nowhere/chats.db"], "/nowhere/chats.db: Cannot open the database"],
        [["--port", "65536"], "Cannot listen on port 65536"]
      ] as const
      for (const [args, message] of cases) {
        const program = yield* run(args)
        assert.strictEqual(yield* program.ended, 1)
        assert.include(program.errors(), message)
        assert.match(program.errors(), /^weavai-local: .*\n$/)
      }
    })
  )

  it.live("refuses a flag it does not know and a blank token, and explains itself", () =>
    Effect.gen(function* () {
      for (const args of [
        ["--prot", "80"],
        ["--port", "eighty"],
        ["--token", " "]
      ]) {
        const program = yield* run(args)
        assert.strictEqual(yield* program.ended, 1)
        assert.include(program.errors(), args[0] ?? "")
        assert.notMatch(program.errors(), /\n +at /)
      }
      const help = yield* run(["--help"])
      assert.strictEqual(yield* help.ended, 0)
      for (const flag of ["--docs", "--port", "--host", "--data", "--token"]) assert.include(help.output(), flag)
    })
  )

  it.live("knows its version", () =>
    Effect.gen(function* () {
      const manifest = readFileSync(new URL("../../packages/local/package.json", import.meta.url), "utf8")
      assert.strictEqual(version, JSON.parse(manifest).version)
      const program = yield* run(["--version"])
      assert.strictEqual(yield* program.ended, 0)
      assert.include(program.output(), version)
    })
  )
})
