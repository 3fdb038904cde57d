/**
 * Runs a program with a chat service of its own on this machine, which has the sample policy and a chat about it:
 *
 *     local.ts PROGRAM …
 *
 * The program finds the service as it would find any other: by `WEAV_ENV`, `WEAV_AUTH_TOKEN` and `FILE_ID`.
 */
import { Chats, LocalServer } from "@weavai/local"
import { Console, Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const policy = fileURLToPath(new URL("../documents/commercial-property-policy.md", import.meta.url))

const questions = ["What is the deductible for wind or hail damage?", "Is damage by flood covered?"]

const runProgram = async (env: NodeJS.ProcessEnv): Promise<number> => {
  const program = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(2)], {
    env: { ...process.env, ...env },
    stdio: "inherit"
  })
  // The program ends first: Ctrl-C reaches it by itself, what stops this process is passed on.
  process.on("SIGINT", () => {})
  process.on("SIGTERM", () => program.kill())
  const [code] = await once(program, "exit")
  return code ?? 1
}

const main = Effect.gen(function* () {
  const { documents, url } = yield* LocalServer
  const chats = yield* Chats
  const { fileId, fileName } = documents[0]!
  yield* Effect.forEach(questions, (userInput) => chats.ask({ userInput, chatId: "sample", fileId }))
  yield* Console.error(`A chat service on ${url} has ${fileName}, id ${fileId}.`)
  return yield* Effect.promise(() => runProgram({ WEAV_ENV: url, WEAV_AUTH_TOKEN: "local", FILE_ID: fileId }))
})

const service = LocalServer.layer({ port: 0, documents: [policy], pieceDelay: "25 millis" })

process.exitCode = await Effect.runPromise(Effect.provide(main, service))
