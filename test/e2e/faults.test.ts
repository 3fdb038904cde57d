/**
 * Every fault of the table, for each operation, through each edition over each HTTP client.
 */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import { ApiError, ChatHistoryResponse, ChatLogsResponse, ChatResponse, NotFound, Unauthorized } from "@weavai/effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Tls from "node:tls"
import { type Client, type Edition, editions, type OperationName, operations } from "../support/editions.ts"
import { authority, type Fault, faults, goodFor, goodResponse, misshapen, type Row } from "../support/faults.ts"
import { startRawServer } from "../support/rawServer.ts"
import { root } from "../support/run.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"

expectNoUnhandledRejections()

const trusted = Tls.getCACertificates("default")
beforeAll(() => Tls.setDefaultCACertificates([...trusted, authority.cert]))
afterAll(() => Tls.setDefaultCACertificates(trusted))

const settings = { retry: { maxAttempts: 2, baseDelay: 1 } }

/** Beyond this a call hangs. */
const timeout = 10_000

describe.each(editions)("$name", (edition) => {
  const rows = faults.filter(({ client = edition.client }) => client === edition.client)

  describe.each(rows)("$what", (row) => {
    it.each(row.faults)("$name", { timeout }, async (fault) => {
      await Promise.all(operations.map((operation) => expectOutcome(edition, row, fault, operation)))
    })
  })

  it.each(operations)("%s: JSON of the wrong shape at every field", { timeout }, async (operation) => {
    const good = goodFor(operation)
    const documents = misshapen(good)
    await using server = await startRawServer(({ write }, index) =>
      write(goodResponse(good, {}, documents[index]!.json))
    )
    await using client = edition.open(server.url)
    for (const { field, json } of documents) {
      const bySchema = Schema.decodeUnknownExit(schemaOf(operation))(JSON.parse(json))
      const result = await resultOf(client, operation)
      if ("failure" in result) {
        expect(result.failure, json).toMatchObject({ _tag: "InvalidResponse", status: 200 })
        // A page may be right for itself and wrong in a walk, such as one without the rows that it counts.
        if (operation === "chatLogs" && Exit.isSuccess(bySchema)) continue
        expect(result.failure, json).toHaveProperty("description", expect.stringMatching(expectedAt(field)))
      }
      expect("value" in result, json).toBe(Exit.isSuccess(bySchema))
      if (Exit.isSuccess(bySchema) && operation !== "chatLogs") expect(result).toEqual({ value: bySchema.value })
    }
    expect(documents.length).toBeGreaterThan(100)
  })

  it("deep nesting where the contract allows anything is a value", { timeout }, async () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
    const good = goodFor("getChatHistory")
    const json = good.json.replace('"tags":[', `"tags":[${deep},`)
    await using server = await startRawServer(({ write }) => write(goodResponse(good, {}, json)))
    await using client = edition.open(server.url)
    const history = (await client.call("getChatHistory")) as ChatHistoryResponse
    expect(history.messages[0]!.tags.length).toBe(3)
  })

  it.each(operations)("%s: a kept connection that the server closed a moment ago", { timeout }, async (operation) => {
    const connections = new Set<Promise<void>>()
    await using server = await startRawServer(({ closed, end, write }, index) => {
      connections.add(closed)
      void write(goodResponse(goodFor(operation), { headers: { "keep-alive": "timeout=60" } }))
      if (index < 2) end()
    })
    await using client = edition.open(server.url, settings)
    for (let call = 0; call < 3; call++) {
      await client.call(operation)
      const { closed } = await server.received(call)
      if (call < 2) await closed
    }
    expect(connections.size).toBe(3)
  })
})

describe("packages/effect/FAULTS.md", () => {
  /** What other tests show: the redirects and the body limit have their own, the kept connection is above. */
  const elsewhere = ["A kept connection ", "A redirect ", "A body longer than "]
  const again = { all: "yes", reads: "reads", nothing: "no" }
  const named = (outcome: string) => (outcome === "value" ? "the value" : `\`${outcome}\``)

  it("says of each fault what comes of it", async () => {
    const page = await readFile(join(root, "packages/effect/FAULTS.md"), "utf8")
    const told = Array.from(page.matchAll(/^\| (?!What happens|---)(.*) \| [^|]+ \|$/gm), ([, cells]) => cells!)
    const shown = faults.map(({ outcome: { chat, stream }, taken = "–", ...row }) =>
      [
        row.what,
        named(chat) + (stream === chat ? "" : `; of \`streamChat\` ${named(stream)}`),
        again[row.again],
        taken
      ].join(" | ")
    )
    expect(told.filter((row) => !elsewhere.some((start) => row.startsWith(start))).toSorted()).toEqual(shown.toSorted())
  })
})

/** What is said of a field that is wrong itself or holds one that is. */
const expectedAt = (field: string) => new RegExp(`^${RegExp.escape(field)}.*: expected `)

const expectOutcome = async (edition: Edition, row: Row, fault: Fault, operation: OperationName) => {
  const good = goodFor(operation)
  const outcome = row.outcome[good.kind]
  const attempts = row.again === "all" || (row.again === "reads" && good.kind === "read") ? 2 : 1
  await using server = await fault.start(good)
  await using client = edition.open(server.url, { ...settings, timeouts: fault.timeouts ?? {} })
  const result = await resultOf(client, operation)
  if (outcome === "value") {
    const document = fault.document?.(good.json) ?? good.json
    expect(result).toMatchObject({
      value: valueOf(operation, new TextDecoder().decode(Buffer.from(document as string)))
    })
  } else {
    const fields = good.kind === "stream" ? (fault.streamFields ?? fault.fields) : fault.fields
    const as = operation === "chatLogs" ? "getChatLogs" : operation
    expect(result).toMatchObject({ failure: { _tag: outcome, operation: as, ...fields } })
    if (outcome !== "Unauthorized" && outcome !== "NotFound") {
      const hasBegun =
        "failure" in result && result.failure._tag === "StreamInterrupted" && result.failure.answer !== null
      const messageArrived = good.kind === "read" ? "no" : hasBegun ? "yes" : row.taken
      expect(result).toMatchObject({ attempts, messageArrived })
    }
  }
  // Where time is short, a request may be given up before it is on its way.
  if (fault.timeouts === undefined && server.requests.length > 0) expect(server.requests.length).toBe(attempts)
}

/** The value, or the error (of an `ApiError` the reason). Anything else that a call rejects with is a defect. */
const resultOf = (client: Client, operation: OperationName) =>
  client.call(operation).then(
    (value) => ({ value }),
    (error: unknown) => {
      if (error instanceof ApiError) return { ...error, failure: error.reason }
      if (error instanceof Unauthorized || error instanceof NotFound) return { failure: error }
      throw error
    }
  )

const schemaOf = (operation: OperationName): Schema.Codec<unknown, unknown> => {
  if (operation === "getChatHistory") return ChatHistoryResponse
  return operation === "chat" || operation === "streamChat" ? ChatResponse : ChatLogsResponse
}

/** What a JSON text stands for by the public schemas. */
const valueOf = (operation: OperationName, json: string): unknown => {
  const value = Schema.decodeUnknownSync(schemaOf(operation))(JSON.parse(json))
  return operation === "chatLogs" ? (value as ChatLogsResponse).messages : value
}
