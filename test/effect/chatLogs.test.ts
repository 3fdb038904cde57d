import { expect, it } from "@effect/vitest"
import { ChatOperations } from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { clientFor, failureOf } from "../support/client.ts"
import { rawServer } from "../support/rawServer.ts"
import { json } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

const row = (id: number) => ({ ...wire.logRow, id: `${id}` })

/** A service with this many rows, that hands out no more of them at once than `most`. */
const serviceOf = (total: number, most = Infinity) =>
  rawServer(({ request, write }) => {
    const query = new URL(request.target, "http://any").searchParams
    const skip = Number(query.get("skip"))
    const count = Math.max(0, Math.min(Number(query.get("limit")), most, total - skip))
    const messages = Array.from({ length: count }, (_, i) => row(skip + i))
    return write(json({ messages, total_records: total, current_skip: skip }))
  })

const ids = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

it.effect.each([
  { name: "one page that is not full", total: 7, pageSize: 10, skips: ["0"] },
  { name: "one page that is just full", total: 10, pageSize: 10, skips: ["0"] },
  { name: "several pages", total: 23, pageSize: 10, skips: ["0", "10", "20"] },
  { name: "pages shorter than asked for", total: 10, pageSize: 10, most: 4, skips: ["0", "4", "8"] },
  { name: "no rows", total: 0, pageSize: 10, skips: ["0"] }
])("walks through all rows: $name", ({ most, pageSize, skips, total }) =>
  Effect.gen(function* () {
    const server = yield* serviceOf(total, most)
    const rows = yield* ChatOperations.chatLogs({ pageSize }).pipe(Stream.runCollect, Effect.provide(clientFor(server)))
    expect(rows.map(({ id }) => id)).toEqual(ids(total))
    const queries = server.requests.map(({ target }) => new URL(target, server.url).searchParams)
    expect(queries.map((query) => query.get("skip"))).toEqual(skips)
    expect(new Set(queries.map((query) => query.get("limit")))).toEqual(new Set([`${pageSize}`]))
  })
)

it.effect("the filter goes with every page", () =>
  Effect.gen(function* () {
    const server = yield* serviceOf(3)
    yield* ChatOperations.chatLogs({ pageSize: 2, startDatetime: "2023-01-01T00:00:00Z", isSopChat: true }).pipe(
      Stream.runDrain,
      Effect.provide(clientFor(server))
    )
    const filters = server.requests.map(({ target }) => target.replace(/.*limit=2/, ""))
    const filter = "&start_datetime=2023-01-01T00%3A00%3A00Z&is_sop_chat=true"
    expect(filters).toEqual([filter, filter])
  })
)

it.effect("an empty page ends the walk, whatever the total says", () =>
  Effect.gen(function* () {
    const server = yield* rawServer(({ write }) => write(json({ messages: null, total_records: 99, current_skip: 0 })))
    const rows = yield* ChatOperations.chatLogs().pipe(Stream.runCollect, Effect.provide(clientFor(server)))
    expect(rows).toEqual([])
    expect(server.requests.length).toBe(1)
  })
)

it.effect("pages are fetched as the rows are consumed", () =>
  Effect.gen(function* () {
    const server = yield* serviceOf(1000)
    const rows = yield* ChatOperations.chatLogs({ pageSize: 10 }).pipe(
      Stream.take(20),
      Stream.runCollect,
      Effect.provide(clientFor(server))
    )
    expect(rows.length).toBe(20)
    expect(server.requests.length).toBe(2)
  })
)

it.effect("a page that fails ends the walk after the rows before it", () =>
  Effect.gen(function* () {
    const server = yield* rawServer(({ write }, index) =>
      write(
        index === 0
          ? json({ messages: [row(0), row(1)], total_records: 4, current_skip: 0 })
          : json({ detail: "gone" }, { status: 503 })
      )
    )
    const seen: Array<string> = []
    const error = yield* ChatOperations.chatLogs({ pageSize: 2 }).pipe(
      Stream.runForEach(({ id }) => Effect.sync(() => seen.push(id))),
      failureOf,
      Effect.provide(clientFor(server))
    )
    expect(seen).toEqual(["0", "1"])
    expect(error).toMatchObject({ _tag: "ServerError", operation: "getChatLogs", status: 503 })
  })
)
