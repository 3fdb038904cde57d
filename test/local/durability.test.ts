import { assert, describe, it } from "@effect/vitest"
import { Chats, Database, LocalServer } from "@weavai/local"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { policyFolder, question } from "../support/policyFolder.ts"

const main = fileURLToPath(new URL("../../packages/local/src/main.ts", import.meta.url))
const program = [process.execPath, "--conditions=weavai-source", main, "--port", "0"]

/** A service in a process of its own; killed when the scope closes. */
const start = (command: ReadonlyArray<string>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => spawn(command[0] ?? "", command.slice(1), { stdio: ["ignore", "pipe", "pipe"] })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    ),
    (child) => {
      let errors = ""
      child.stderr.setEncoding("utf8").on("data", (text) => (errors += text))
      const closed = once(child, "close")
      const listening = new Promise<string>((resolve, reject) => {
        let output = ""
        child.stdout.setEncoding("utf8").on("data", (text) => {
          output += text
          const url = /Listening on (\S+) .*\n\n[^]*\n\n?$/.exec(output)?.[1]
          if (url !== undefined) resolve(url)
        })
        void closed.then(() => reject(new Error(`ended before it listened: ${errors}`)))
      })
      listening.catch(() => {})
      return {
        child,
        errors: () => errors,
        url: Effect.promise(() => listening),
        kill: Effect.promise(() => {
          child.kill("SIGKILL")
          return closed
        })
      }
    }
  )

const headers = { authorization: "Bearer any" }

const getJson = (url: string): Promise<any> => fetch(url, { headers }).then((response) => response.json())

const fileIdAt = (url: string) =>
  Effect.map(
    Effect.promise(() => getJson(`${url}/documents`)),
    ([{ file_id }]) => file_id
  )

/** Sends one message. The status is 0 where no response came. */
const send = (
  url: string,
  message: { readonly user_input: string; readonly file_id: string; readonly chat_id: string }
) =>
  fetch(`${url}/chat`, { method: "POST", headers, body: JSON.stringify(message) }).then(
    async (response) => ({ status: response.status, headers: response.headers, body: (await response.json()) as any }),
    () => ({ status: 0, headers: new Headers(), body: undefined })
  )

interface Stored {
  readonly chat_id: string
  readonly type: string
  readonly text: string
  readonly timestamp: number
}

/** All messages in a file in the order they were stored, read by SQLite alone, which also finds nothing wrong with the file. */
const inspect = (path: string): ReadonlyArray<Stored> => {
  const connection = new DatabaseSync(path)
  const check = connection.prepare("PRAGMA integrity_check").all()
  const rows = connection.prepare("SELECT chat_id, type, text, timestamp FROM messages ORDER BY seq").all()
  const orphans = connection.prepare("PRAGMA foreign_key_check").all()
  connection.close()
  assert.deepStrictEqual([check.map((row) => ({ ...row })), orphans], [[{ integrity_check: "ok" }], []])
  return rows as unknown as ReadonlyArray<Stored>
}

/** What was asked, after a look at the order: every question has its answer behind it, and time goes up. */
const questionsOf = (rows: ReadonlyArray<Stored>): ReadonlyArray<string> => {
  for (const [index, row] of rows.entries()) {
    assert.strictEqual(row.type, index % 2 === 0 ? "user" : "assistant")
    if (index > 0) assert.isAbove(row.timestamp, rows[index - 1]?.timestamp ?? 0)
    if (index % 2 === 1) assert.strictEqual(row.chat_id, rows[index - 1]?.chat_id)
  }
  assert.strictEqual(rows.length % 2, 0)
  return rows.filter(({ type }) => type === "user").map(({ text }) => text)
}

describe("concurrent writers", () => {
  it.live("in two processes on one new file lose nothing and are never told that it is locked", () =>
    Effect.gen(function* () {
      const { documents, data } = yield* policyFolder
      const command = [...program, "--docs", documents, "--data", data]
      const services = yield* Effect.all([start(command), start(command)])
      const urls = yield* Effect.all(services.map(({ url }) => url))
      const file_id = yield* fileIdAt(urls[0] ?? "")
      const texts = Array.from({ length: 200 }, (_, index) => `${question} ${index}`)
      const answers = yield* Effect.promise(() =>
        Promise.all(
          texts.map((user_input, index) =>
            send(urls[index % 2] ?? "", { user_input, file_id, chat_id: `chat ${index % 7}` })
          )
        )
      )
      assert.deepStrictEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
      const histories = yield* Effect.promise(() =>
        Promise.all(texts.slice(0, 7).map((_, chat) => getJson(`${urls[chat % 2]}/chat_history?chat_id=chat ${chat}`)))
      )
      assert.strictEqual(histories.flatMap(({ messages }) => messages).length, 400)
      yield* Effect.all(services.map(({ kill }) => kill))
      assert.deepStrictEqual(Array.from(questionsOf(inspect(data))).sort(), texts.sort())
    })
  )

  it.live("wait for a program that has the file locked, while everything else goes on", () =>
    Effect.gen(function* () {
      const { documents, data } = yield* policyFolder
      yield* Effect.gen(function* () {
        const server = yield* LocalServer
        const file_id = server.documents[0]?.fileId ?? ""
        yield* Effect.promise(() => send(server.url, { user_input: question, file_id, chat_id: "before" }))
        const other = new DatabaseSync(data)
        other.exec("BEGIN IMMEDIATE")
        const writing = Array.from({ length: 20 }, (_, index) =>
          send(server.url, { user_input: question, file_id, chat_id: `during ${index}` })
        )
        let written = false
        void Promise.race(writing).then(() => (written = true))
        for (let read = 0; read < 20; read++) {
          const { messages } = yield* Effect.promise(() => getJson(`${server.url}/chat_history?chat_id=before`))
          assert.strictEqual(messages.length, 2)
        }
        assert.isFalse(written)
        other.exec("COMMIT")
        other.close()
        const statuses = yield* Effect.promise(() => Promise.all(writing))
        assert.deepStrictEqual(new Set(statuses.map(({ status }) => status)), new Set([200]))
      }).pipe(Effect.provide(LocalServer.layer({ port: 0, documents: [documents], data })))
      assert.strictEqual(questionsOf(inspect(data)).length, 21)
    })
  )

  it.effect("are told after five seconds, and when to try again, with nothing stored", () =>
    Effect.gen(function* () {
      const { documents, data } = yield* policyFolder
      yield* Effect.gen(function* () {
        const { documents } = yield* LocalServer
        const post = HttpClientRequest.post("http://localhost/chat").pipe(
          HttpClientRequest.bearerToken("any"),
          HttpClientRequest.bodyJsonUnsafe({ user_input: question, file_id: documents[0]?.fileId, chat_id: "locked" })
        )
        const other = new DatabaseSync(data)
        other.exec("BEGIN IMMEDIATE")
        const asking = yield* Effect.forkChild(HttpClient.execute(post))
        yield* Effect.yieldNow
        while (asking.pollUnsafe() === undefined) {
          yield* TestClock.adjust("1 second")
          yield* Effect.promise(() => new Promise(setImmediate))
        }
        const refused = yield* Fiber.join(asking)
        assert.strictEqual(refused.status, 503)
        assert.strictEqual(refused.headers["retry-after"], "1")
        assert.include(((yield* refused.json) as any).detail, "locked")
        other.exec("ROLLBACK")
        other.close()
        assert.strictEqual((yield* Effect.flip((yield* Chats).history("locked")))._tag, "ChatNotFound")
        assert.strictEqual((yield* HttpClient.execute(post)).status, 200)
      }).pipe(
        Effect.provide(
          LocalServer.layerHttpClient({ documents: [documents], data }).pipe(Layer.provide(Logger.layer([])))
        )
      )
      assert.strictEqual(questionsOf(inspect(data)).length, 1)
    })
  )
})

describe("a full disk", () => {
  interface Disk {
    /** Starts the service with its database at the path, on a disk with little room. */
    readonly command: (path: string) => ReadonlyArray<string>
    readonly makeRoom: (pid: number, path: string) => void
    /** Where another process finds the file. */
    readonly seenAt: (pid: number, path: string) => string
  }

  const little = 400

  const disks: Readonly<Record<string, Disk>> = {
    "that is a small file system": {
      command: (path) => [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        `mount -t tmpfs -o size=${2 * little}k tmpfs "$0" && head -c ${little}k /dev/zero > "$0/ballast" && exec "$@"`,
        dirname(path)
      ],
      makeRoom: (pid, path) => rmSync(`/proc/${pid}/root${dirname(path)}/ballast`),
      seenAt: (pid, path) => `/proc/${pid}/root${path}`
    },
    "that is a limit on the size of files": {
      command: () => ["prlimit", `--fsize=${little * 1024}:unlimited`],
      makeRoom: (pid) => void spawnSync("prlimit", ["--pid", `${pid}`, "--fsize=unlimited"]),
      seenAt: (_, path) => path
    }
  }

  const isAvailable = ({ command }: Disk): boolean => {
    const folder = process.cwd()
    const [name = "", ...args] = [...command(join(folder, "x")), "true"]
    return spawnSync(name, args).status === 0
  }

  for (const [name, disk] of Object.entries(disks)) {
    it.live.skipIf(!isAvailable(disk))(
      `${name} is told, loses nothing, and is forgotten when there is room again`,
      () =>
        Effect.gen(function* () {
          const { documents, data } = yield* policyFolder
          const folder = join(dirname(data), "disk")
          mkdirSync(folder)
          const path = join(folder, "chats.db")
          const service = yield* start([...disk.command(path), ...program, "--docs", documents, "--data", path])
          const url = yield* service.url
          const pid = service.child.pid ?? 0
          const file_id = yield* fileIdAt(url)
          const filler = "filler ".repeat(1_500)
          const sent: Array<string> = []
          const stored: Array<string> = []
          const sendNext = Effect.gen(function* () {
            const user_input = `${question} ${sent.length} ${filler}`
            sent.push(user_input)
            const answer = yield* Effect.promise(() => send(url, { user_input, file_id, chat_id: "full" }))
            if (answer.status === 200) stored.push(user_input)
            return answer
          })

          let answer = yield* sendNext
          while (answer.status === 200 && sent.length < 200) answer = yield* sendNext
          assert.isAtLeast(stored.length, 5)
          for (let more = 0; more < 3; more++) {
            assert.strictEqual(answer.status, 507)
            assert.match(answer.body.detail, /^The disk takes no more data\. Nothing of this was stored\./)
            answer = yield* sendNext
          }
          const { messages } = yield* Effect.promise(() => getJson(`${url}/chat_history?chat_id=full`))
          assert.deepStrictEqual(
            messages.filter(({ type }: any) => type === "user").map(({ text }: any) => text),
            stored
          )

          disk.makeRoom(pid, path)
          assert.strictEqual((yield* sendNext).status, 200)
          const copy = join(dirname(data), "copy.db")
          for (const suffix of ["", "-wal"]) copyFileSync(disk.seenAt(pid, path) + suffix, copy + suffix)
          yield* service.kill
          assert.deepStrictEqual(questionsOf(inspect(copy)), stored)
        })
    )
  }

  it.effect("undoes all of a transaction, and is told from other failures", () =>
    Effect.gen(function* () {
      const database = yield* Database
      const count = yield* database.run((sql) => sql.get<{ page_count: number }>("PRAGMA page_count")?.page_count ?? 0)
      yield* database.run((sql) => sql.all(`PRAGMA max_page_count = ${count + 2}`))
      const fill = database.transaction((sql) => {
        for (let chat = 0; chat < 1_000; chat++) sql.run("INSERT INTO chats VALUES (?, ?)", `${chat}`.repeat(50), chat)
      })
      assert.strictEqual((yield* Effect.flip(fill)).reason, "DiskFull")
      assert.deepStrictEqual(yield* database.run((sql) => sql.all("SELECT * FROM chats")), [])
      yield* database.run((sql) => sql.all("PRAGMA max_page_count = 100000"))
      yield* fill
    }).pipe(Effect.provide(Database.layer()))
  )
})

describe("kill -9", () => {
  it.live("in the middle of many writes, again and again, loses no message that was answered", () =>
    Effect.gen(function* () {
      const { documents, data } = yield* policyFolder
      const answered: Array<string> = []
      for (let life = 0; life < 2; life++) {
        const service = yield* start([...program, "--docs", documents, "--data", data])
        const url = yield* service.url
        const file_id = yield* fileIdAt(url)
        const enough = answered.length + 60
        const write = async (writer: number) => {
          for (let message = 0; ; message++) {
            const user_input = `${question} ${life} ${writer} ${message}`
            const { status } = await send(url, { user_input, file_id, chat_id: `chat ${writer}` })
            if (status !== 200) return assert.strictEqual(status, 0)
            answered.push(user_input)
            if (answered.length === enough) service.child.kill("SIGKILL")
          }
        }
        yield* Effect.promise(() => Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer))))
        yield* service.kill
        // As the kill left it, with all that SQLite has to make good.
        const copy = `${data}-${life}`
        for (const suffix of ["", "-wal"]) copyFileSync(data + suffix, copy + suffix)
        const stored = new Set(questionsOf(inspect(copy)))
        assert.deepStrictEqual(
          answered.filter((text) => !stored.has(text)),
          []
        )
      }
      assert.isAtLeast(answered.length, 120)
    })
  )

  it.effect("over the first page of a new file leaves a file that can be used", () =>
    Effect.gen(function* () {
      const { data } = yield* policyFolder
      const half = `${data}-half`
      const connection = new DatabaseSync(half)
      // Room for a single page makes SQLite write pages, and the journal that undoes them, before the end of the transaction.
      connection.exec("PRAGMA cache_size = 1; BEGIN; CREATE TABLE filler (text)")
      connection.exec(`INSERT INTO filler VALUES ${Array(100).fill("(zeroblob(4000))").join()}`)
      for (const suffix of ["", "-journal"]) copyFileSync(half + suffix, data + suffix)
      connection.close()
      assert.isAbove(readFileSync(data).length, 0)

      const chats = Database.use((database) => database.run((sql) => sql.all("SELECT * FROM chats")))
      assert.deepStrictEqual(yield* Effect.provide(chats, Database.layer({ filename: data })), [])
      assert.isFalse(existsSync(`${data}-journal`))
      assert.deepStrictEqual(inspect(data), [])
    })
  )
})

describe("a file that the service cannot use", () => {
  /** A database with a few chats, as a service leaves it. */
  const written = Effect.fnUntraced(function* (path: string) {
    const fill = Database.use((database) =>
      database.transaction((sql) => {
        for (let chat = 0; chat < 500; chat++) sql.run("INSERT INTO chats VALUES (?, ?)", `chat ${chat}`, chat)
      })
    )
    yield* Effect.provide(fill, Database.layer({ filename: path }))
  })

  const refused = Effect.fnUntraced(function* (path: string) {
    const contents = () =>
      [path, `${path}-wal`, `${path}-journal`].map((file) => existsSync(file) && readFileSync(file))
    const before = contents()
    const error = yield* Effect.flip(Effect.scoped(Layer.build(LocalServer.layer({ port: 0, data: path }))))
    for (const [index, content] of contents().entries()) {
      // A reader may lay an empty journal beside the file; what was there is what it was.
      const unchanged = before[index] || Buffer.alloc(0)
      assert.isTrue(unchanged.equals(content || Buffer.alloc(0)))
    }
    if (error._tag !== "DatabaseError") return assert.fail(error._tag)
    assert.strictEqual(error.path, path)
    assert.notInclude(error.message, "\n")
    assert.match(error.message, /Name another file|Open it there|Use the release that wrote it/)
    return error.reason
  })

  it.live("because it was cut off is refused, whatever is left, and left alone", () =>
    Effect.gen(function* () {
      const { data } = yield* policyFolder
      yield* written(data)
      const whole = readFileSync(data)
      for (const length of [1, 15, 16, 99, 100, 511, 512, 4_095, 4_096, 8_192, 20_000, whole.length - 4_096]) {
        writeFileSync(data, whole)
        truncateSync(data, length)
        assert.strictEqual(yield* refused(data), "NotADatabase", `${length} bytes`)
      }
      writeFileSync(data, "x")
      assert.strictEqual(yield* refused(data), "NotADatabase")
    })
  )

  it.live("because of a page that is broken is refused, whichever it is, and left alone", () =>
    Effect.gen(function* () {
      const { data } = yield* policyFolder
      yield* written(data)
      const whole = readFileSync(data)
      for (let page = 0; page < whole.length / 4_096; page++) {
        const broken = Buffer.from(whole)
        broken.fill(0xff, page * 4_096, page * 4_096 + 64)
        writeFileSync(data, broken)
        assert.strictEqual(yield* refused(data), "NotADatabase", `page ${page}`)
      }
    })
  )

  it.live("because a newer release wrote it is refused, though only its journal tells, and left alone", () =>
    Effect.gen(function* () {
      const { data } = yield* policyFolder
      const newer = `${data}-newer`
      yield* written(newer)
      const connection = new DatabaseSync(newer)
      connection.exec("PRAGMA user_version = 999")
      for (const suffix of ["", "-wal"]) copyFileSync(newer + suffix, data + suffix)
      connection.close()
      assert.strictEqual(yield* refused(data), "NewerVersion")
    })
  )

  it.live("because another application is in the middle of a write is refused, and left alone", () =>
    Effect.gen(function* () {
      const { data } = yield* policyFolder
      const other = `${data}-other`
      const connection = new DatabaseSync(other)
      connection.exec("PRAGMA cache_size = 1; CREATE TABLE recipes (text); BEGIN")
      connection.exec(`INSERT INTO recipes VALUES ${Array(100).fill("(zeroblob(4000))").join()}`)
      for (const suffix of ["", "-journal"]) copyFileSync(other + suffix, data + suffix)
      connection.close()
      assert.strictEqual(yield* refused(data), "OtherApplication")
    })
  )
})
