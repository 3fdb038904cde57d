/**
 * The programs of packages/examples, run by the commands that its README gives. The underwriting service has tests of its own.
 */
import { assert, describe, it } from "@effect/vitest"
import { Reply, type Script, ScriptedChat } from "@weavai/effect/testing"
import { nodeListener } from "@weavai/examples/web/nodeListener"
import { makeAnswerRoute } from "@weavai/examples/web/route"
import { createChatClient } from "@weavai/promise"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { appendFile, mkdtemp, readFile, rm, watch } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { afterEach, vi } from "vitest"
import { root, run } from "../support/run.ts"
import { isChromiumHere, launchChromium } from "./chromium.ts"

const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"))
const readme = await readFile(join(root, "packages/examples/README.md"), "utf8")

/** What a script of the root's package.json runs, without `node`. */
const commandOf = (script: string): ReadonlyArray<string> => scripts[script].split(" ").slice(1)

/** A program of the examples by itself, to run against any service. */
const program = (file: string) => ["--conditions=weavai-source", `packages/examples/src/${file}`]

let closing: Array<() => unknown> = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** A program that runs until it is stopped, and what it prints on the way. */
const start = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv) => {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env } })
  closing.push(() => child.kill("SIGKILL"))
  const ended = once(child, "close").then(([code, signal]) => code ?? signal)
  const errors = text(child.stderr)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    /** The first match in the lines that are printed from here on. */
    async printed(pattern: RegExp): Promise<string> {
      for (let line = await lines.next(); !line.done; line = await lines.next()) {
        const match = pattern.exec(line.value)
        if (match !== null) return match[0]
      }
      throw new Error(`ended without ${pattern}: ${await errors}`)
    },
    async stop(signal: NodeJS.Signals) {
      child.kill(signal)
      return { code: await ended, stderr: await errors }
    }
  }
}

/** An empty folder, removed again after the test. */
const newFolder = async () => {
  const path = await mkdtemp(join(tmpdir(), "weavai-examples-"))
  closing.push(() => rm(path, { recursive: true }))
  return path
}

const address = /http:\/\/127\.0\.0\.1:\d+/

/**
 * A chat service behind a port that answers from a script. `asked` resolves when a request comes, `left` when a client leaves
 * one unanswered or in the middle of its answer.
 */
const scriptedService = async (script: Script) => {
  const { fetch, requests } = ScriptedChat.fetch(script)
  const asked = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const listener = nodeListener((request) => fetch(request))
  const server = createServer((incoming, outgoing) => {
    asked.resolve()
    outgoing.once("close", () => outgoing.writableFinished || left.resolve())
    listener(incoming, outgoing)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  closing.push(() => (server.closeAllConnections(), server.close()))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    env: { WEAV_ENV: url, WEAV_AUTH_TOKEN: "any", FILE_ID: "file456" },
    asked: asked.promise,
    left: left.promise,
    requests
  }
}

describe("the README of the examples", () => {
  it("gives a command for each program", () => {
    for (const script of ["underwriting", "web", "export-logs", "telemetry"])
      assert.include(readme, `pnpm@12.21.0 ${script}`)
  })
})

describe("underwriting", () => {
  const post = (url: string, submission: unknown) =>
    fetch(`${url}/reviews`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(submission)
    })

  it("reviews the submission of the README", async () => {
    const service = start(commandOf("underwriting"), { PORT: "0" })
    const url = await service.printed(address)
    const sample = /-d '(\{.*\})'/.exec(readme)?.[1] ?? assert.fail("the README has no submission")
    const review: any = await (await post(url, JSON.parse(sample))).json()
    assert.match(review.findings[0].answer, /2%/)
    assert.include(review.findings[0].pages, 6)
    assert.lengthOf(review.findings, 5)

    const missing = await post(url, { id: "submission-18", fileId: "none" })
    assert.strictEqual(missing.status, 404)
    assert.deepStrictEqual(await missing.json(), { _tag: "NoSuchDocument", fileId: "none" })
    assert.strictEqual((await post(url, { id: "submission-18" })).status, 400)
    await service.stop("SIGTERM")
  })
})

describe("web", () => {
  const ask = (url: string, question: unknown, signal?: AbortSignal) =>
    fetch(`${url}/answer`, {
      method: "POST",
      body: JSON.stringify({ question, chatId: "chat123" }),
      signal: signal ?? null
    })

  it("answers about the sample policy, and ends when it is told to", async () => {
    const web = start(commandOf("web"), { PORT: "0" })
    const url = await web.printed(address)
    const page = await fetch(url)
    assert.strictEqual(page.headers.get("content-type"), "text/html; charset=utf-8")
    assert.include(await page.text(), "Ask the document")
    const answer = await ask(url, "Is damage by flood covered?")
    assert.strictEqual(answer.headers.get("content-type"), "text/event-stream")
    assert.match(await answer.text(), /"text":"\*\*Flood\*\* "[^]*"page_number":\d+[^]*data: \[DONE\]\n\n$/)
    assert.strictEqual((await web.stop("SIGTERM")).code, 0)
  })

  it("passes each piece on as it comes, and leaves the service when the browser leaves", async () => {
    const { env, left } = await scriptedService({ streamChat: () => Reply.stream(["It "], { ending: "silence" }) })
    const url = await start(program("web/main.ts"), { ...env, PORT: "0" }).printed(address)
    const leaving = new AbortController()
    const answer = await ask(url, "Is hail covered?", leaving.signal)
    const { value } = await answer.body!.getReader().read()
    assert.include(new TextDecoder().decode(value), '"text":"It "')
    leaving.abort()
    await left
  })

  it("leaves the service when the browser leaves before the first piece", async () => {
    const { asked, env, left } = await scriptedService({ streamChat: () => Reply.silence })
    const url = await start(program("web/main.ts"), { ...env, PORT: "0" }).printed(address)
    const leaving = new AbortController()
    const answer = ask(url, "Is hail covered?", leaving.signal).catch((error: Error) => error.name)
    await asked
    leaving.abort()
    await left
    assert.strictEqual(await answer, "AbortError")
  })

  it.skipIf(!isChromiumHere)("Chromium shows the answer while it is written, and its sources", async () => {
    const { env, left } = await scriptedService([
      Reply.stream(["It ", { text: "is. [1]", searchResults: [{ fileName: "policy.pdf", pageNumber: 3 }] }]),
      Reply.stream(["It "], { ending: "silence" }),
      Reply.stream(["It "], { ending: { error: "the index is gone" } })
    ])
    const url = await start(program("web/main.ts"), { ...env, PORT: "0" }).printed(address)
    const browser = await launchChromium(await newFolder())
    closing.push(() => browser.close())
    const page = await browser.newPage()
    await page.goto(url)
    const shown = (answer: string) =>
      page.waitForFunction((answer) => document.querySelector("#answer")?.textContent === answer, answer)

    await page.click("button:text('Ask')")
    await shown("It is. [1]")
    assert.strictEqual(await page.textContent("#sources"), "policy.pdf, page 3")

    await page.click("button:text('Ask')")
    await shown("It ")
    await page.click("button:text('Stop')")
    await shown("It  (stopped)")
    await left

    await page.click("button:text('Ask')")
    await shown("It  The answer broke off. Ask again.")
  })

  it("tells the browser what its user can do, and no more", async () => {
    const { fetch } = ScriptedChat.fetch([
      Reply.status(404),
      Reply.status(429, { retryAfter: "2 hours" }),
      Reply.status(401, { detail: "eyJhbGci is no token" })
    ])
    await using client = createChatClient({ env: "local", authToken: "any", fetch })
    const route = makeAnswerRoute(client, "file456")
    const logged = vi.spyOn(console, "error").mockReturnValue()
    closing.push(() => logged.mockRestore())
    const outcome = async (body: unknown) => {
      const response = await route(
        new Request("http://localhost/answer", { method: "POST", body: JSON.stringify(body) })
      )
      const { message }: any = await response.json()
      return [response.status, message]
    }
    const message = { question: "Is hail covered?", chatId: "chat123" }
    assert.deepStrictEqual(await outcome(message), [404, "There is no such document."])
    assert.deepStrictEqual(await outcome(message), [503, "Too many questions at the moment. Ask again in a minute."])
    assert.deepStrictEqual(await outcome(message), [502, "The question could not be answered. Ask again later."])
    assert.deepStrictEqual(await outcome({ ...message, question: "" }), [400, "This question cannot be asked."])
    assert.deepStrictEqual(await outcome({ chatId: "chat123" }), [400, 'Send JSON with a "question" and a "chatId".'])
    // What is for the operators to mend, they hear of.
    assert.deepStrictEqual(
      logged.mock.calls.map(([error]) => error._tag),
      ["Unauthorized"]
    )
  })
})

describe("export-logs", () => {
  const exportLogs = (env: NodeJS.ProcessEnv, ...args: ReadonlyArray<string>) =>
    run(process.execPath, [...program("exportLogs.ts"), ...args], { env: { ...process.env, ...env } })

  const march = Array.from({ length: 2345 }, (_, i) => ({
    id: `row-${i}`,
    timestamp: new Date(Date.UTC(2025, 2, 31, 23, 59, 59, 999) - i * 60_000),
    text: `message ${i}`
  }))
  const rows = [
    { id: "april", timestamp: new Date("2025-04-01T00:00:00Z") },
    ...march,
    { id: "february", timestamp: new Date("2025-02-28T23:59:59.999Z") }
  ]

  const idsIn = async (file: string) =>
    (await readFile(file, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).id)

  const allIds = march.map(({ id }) => id)

  /** Shows three pages of the logs, then fails or stalls. */
  const faltering = (reply: Reply.Reply): Script => ({
    getChatLogs: ({ skip = 0 }) => (skip < 1500 ? Reply.logs(rows) : reply)
  })

  /** Resolves when so many rows are noted down. */
  const untilSaved = async (file: string, count: number) => {
    const stop = new AbortController()
    const changes = watch(dirname(file), { signal: stop.signal })
    for await (const { filename } of changes) {
      if (filename !== basename(`${file}.progress`)) continue
      const { rows } = JSON.parse(await readFile(`${file}.progress`, "utf8"))
      if (rows === count) break
    }
    stop.abort()
  }

  it("exports the sample chat by one command", async () => {
    const file = join(await newFolder(), "logs.csv")
    const now = new Date().toISOString().slice(0, 7)
    const { code, stdout } = await run(process.execPath, [...commandOf("export-logs"), "--", now, file])
    assert.strictEqual(stdout, `4 rows are in ${file}.\n`)
    assert.strictEqual(code, 0)
    assert.match(await readFile(file, "utf8"), /"user","no vote","","","Is damage by flood covered\?"/)
  })

  it("exports the rows of the month, each once", async () => {
    const { env } = await scriptedService({ getChatLogs: () => Reply.logs(rows) })
    const file = join(await newFolder(), "march.ndjson")
    const { stderr, stdout } = await exportLogs(env, "2025-03", file)
    assert.strictEqual(stderr, "")
    assert.strictEqual(stdout, `2345 rows are in ${file}.\n`)
    assert.deepStrictEqual(await idsIn(file), allIds)
  })

  it("writes CSV that is safe to open in a spreadsheet", async () => {
    const at = { timestamp: new Date("2025-03-01T12:00:00Z"), userId: "user", chatId: "chat" }
    const { env } = await scriptedService({
      getChatLogs: () =>
        Reply.logs([
          { ...at, id: "1", text: 'Say "hail", or not\nat all', tags: ["a", "b"], valid: true },
          { ...at, id: "2", text: "=HYPERLINK(A1)" }
        ])
    })
    const file = join(await newFolder(), "march.csv")
    await exportLogs(env, "2025-03", file)
    assert.strictEqual(
      await readFile(file, "utf8"),
      [
        "timestamp,chatId,userId,type,vote,valid,tags,text,id",
        '"2025-03-01T12:00:00.000Z","chat","user","user","no vote","true","a,b","Say ""hail"", or not\nat all","1"',
        '"2025-03-01T12:00:00.000Z","chat","user","user","no vote","","","\'=HYPERLINK(A1)","2"',
        ""
      ].join("\r\n")
    )
  })

  it("goes on after the service has failed", async () => {
    const broken = await scriptedService(faltering(Reply.status(403, { detail: "over quota" })))
    const file = join(await newFolder(), "march.ndjson")
    const first = await exportLogs(broken.env, "2025-03", file)
    assert.strictEqual(first.code, 1)
    assert.match(first.stderr, /403.*over quota/)
    assert.include(first.stderr, `1500 rows are in ${file}. Give the same command again to go on.\n`)

    const other = await exportLogs(broken.env, "2025-02", file)
    assert.match(
      other.stderr,
      /^\S+ is an unfinished export of 2025-03: finish it, or remove it and \S+\.progress\.\n$/
    )

    const { env, requests } = await scriptedService({ getChatLogs: () => Reply.logs(rows) })
    assert.strictEqual((await exportLogs(env, "2025-03", file)).stdout, `2345 rows are in ${file}.\n`)
    assert.deepStrictEqual(await idsIn(file), allIds)
    assert.isAtMost(requests.length, 3)

    const again = await exportLogs(env, "2025-03", file)
    assert.match(again.stderr, /file already exists/)
    assert.deepStrictEqual(await idsIn(file), allIds)
  })

  it.each(["SIGINT", "SIGKILL"] as const)("goes on after %s", async (signal) => {
    const stalling = await scriptedService(faltering(Reply.silence))
    const file = join(await newFolder(), "march.ndjson")
    const saved = untilSaved(file, 1500)
    const exporting = start([...program("exportLogs.ts"), "2025-03", file], stalling.env)
    await saved
    const { code, stderr } = await exporting.stop(signal)
    if (signal === "SIGINT") assert.match(stderr, /^Interrupted\.\n1500 rows are in/)
    assert.strictEqual(code, signal === "SIGINT" ? 1 : signal)
    // What the process had written and not noted down.
    await appendFile(file, '{"id":"row-1500","timesta')

    const { env } = await scriptedService({ getChatLogs: () => Reply.logs(rows) })
    await exportLogs(env, "2025-03", file)
    assert.deepStrictEqual(await idsIn(file), allIds)
  })

  it("says in one line what is missing", async () => {
    const { code, stderr } = await exportLogs({}, "2025-13", "march.csv")
    assert.strictEqual(code, 1)
    assert.strictEqual(stderr, "Give a month and a file, such as: export-logs 2025-03 march.csv\n")
  })
})
