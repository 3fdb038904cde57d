import { describe, expect, it } from "@effect/vitest"
import { type ChatLogsRequest, ChatOperations, type LogRow } from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { clientFor, failureOf, inProcess } from "../support/client.ts"
import { rawServer } from "../support/rawServer.ts"
import { json } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

interface Row {
  readonly id: string
  readonly at: number
  vote: string
}

interface Query {
  readonly skip: number
  readonly limit: number
  readonly end: string | null
  readonly target: string
}

const start = Date.parse("2024-01-01T00:00:00Z")

/** A log service in memory: its rows can change before each page is made, and it keeps what it was asked. */
const makeLogs = (count: number, options: { order?: "newest" | "oldest"; most?: number; date?: boolean } = {}) => {
  const rows: Array<Row> = []
  const queries: Array<Query> = []
  const insert = (id: string) => rows.push({ id, at: start + rows.length * 1000, vote: "no vote" })
  for (let i = 0; i < count; i++) insert(`${i}`)

  const answer = (request: Request): Response => {
    const { pathname, search, searchParams } = new URL(request.url)
    const [skip, limit] = [Number(searchParams.get("skip")), Number(searchParams.get("limit"))]
    const end = searchParams.get("end_datetime")
    queries.push({ skip, limit, end, target: pathname + search })
    const range = rows.filter((row) => end === null || row.at <= Date.parse(end))
    if (options.order !== "oldest") range.reverse()
    const messages = range.slice(skip, skip + Math.min(limit, options.most ?? Infinity)).map((row) => ({
      ...wire.logRow,
      id: row.id,
      vote: row.vote,
      timestamp: new Date(row.at).toISOString()
    }))
    const headers = options.date === false ? undefined : { date: new Date(rows.at(-1)?.at ?? start).toUTCString() }
    return Response.json({ messages, total_records: range.length, current_skip: skip }, headers && { headers })
  }
  return { rows, queries, insert, answer }
}

const walk = (request?: ChatLogsRequest) => ChatOperations.chatLogs(request).pipe(Stream.runCollect)
const idsOf = (rows: ReadonlyArray<LogRow>) => rows.map((row) => row.id)
const ids = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

describe("all rows of all pages", () => {
  it.effect.each([
    { name: "one page that is not full", total: 7, pageSize: 10, skips: [0] },
    { name: "one page that is just full", total: 10, pageSize: 10, skips: [0] },
    { name: "several pages", total: 23, pageSize: 10, skips: [0, 10, 20] },
    { name: "a page size that the service caps", total: 10, pageSize: 10, most: 4, skips: [0, 4, 8] },
    { name: "no rows", total: 0, pageSize: 10, skips: [0] }
  ])("come in order: $name", ({ most = Infinity, pageSize, skips, total }) =>
    Effect.gen(function* () {
      const logs = makeLogs(total, { most })
      const rows = yield* walk({ pageSize }).pipe(Effect.provide(inProcess(logs.answer)))
      expect(idsOf(rows)).toEqual(ids(total).toReversed())
      expect(logs.queries.map(({ skip }) => skip)).toEqual(skips)
      expect(logs.queries.every(({ limit }) => limit === pageSize || limit === most)).toBe(true)
    })
  )

  it.effect("the filter goes with every page, and every page but the first has an end", () =>
    Effect.gen(function* () {
      const logs = makeLogs(3)
      yield* walk({ pageSize: 2, startDatetime: "2023-01-01T00:00:00Z", isSopChat: true }).pipe(
        Effect.provide(inProcess(logs.answer))
      )
      expect(logs.queries.map(({ target }) => target)).toEqual([
        "/chat-service/chat_logs/?skip=0&limit=2&start_datetime=2023-01-01T00%3A00%3A00Z&is_sop_chat=true",
        expect.stringMatching(
          /^\/chat-service\/chat_logs\/\?skip=2&limit=2&start_datetime=2023-01-01T00%3A00%3A00Z&end_datetime=2024-[^&]+&is_sop_chat=true$/
        )
      ])
    })
  )

  it.effect("an end that was asked for stays as it is", () =>
    Effect.gen(function* () {
      const logs = makeLogs(9)
      const endDatetime = new Date(start + 5000).toISOString()
      const rows = yield* walk({ pageSize: 2, endDatetime }).pipe(Effect.provide(inProcess(logs.answer)))
      expect(idsOf(rows)).toEqual(["5", "4", "3", "2", "1", "0"])
      expect(new Set(logs.queries.map(({ end }) => end))).toEqual(new Set([endDatetime]))
    })
  )

  it.effect("a page that fails ends the walk after the rows before it", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }, index) =>
        write(
          index === 0
            ? json({ messages: [wire.logRow], total_records: 2, current_skip: 0 })
            : json({ detail: "gone" }, { status: 503 })
        )
      )
      const seen: Array<string> = []
      const error = yield* ChatOperations.chatLogs({ pageSize: 1 }).pipe(
        Stream.runForEach(({ id }) => Effect.sync(() => seen.push(id))),
        failureOf,
        Effect.provide(clientFor(server))
      )
      expect(seen).toEqual([wire.logRow.id])
      expect(error).toMatchObject({ _tag: "ServerError", operation: "getChatLogs", status: 503 })
    })
  )
})

describe("pages ahead", () => {
  /** Pages that a test answers one by one, in any order. */
  const makeGate = (count: number) => {
    const logs = makeLogs(count)
    const waiting = new Map<number, () => void>()
    let arrived = Promise.withResolvers<void>()
    return {
      respond: (request: Request) => {
        const skip = Number(new URL(request.url).searchParams.get("skip"))
        const response = new Promise<Response>((resolve) => {
          waiting.set(skip, () => {
            waiting.delete(skip)
            resolve(logs.answer(request))
          })
        })
        arrived.resolve()
        arrived = Promise.withResolvers()
        return response
      },
      asked: async (skips: ReadonlyArray<number>) => {
        while (waiting.size < skips.length) await arrived.promise
        expect([...waiting.keys()].toSorted((a, b) => a - b)).toEqual(skips)
      },
      open: (skip: number) => waiting.get(skip)!()
    }
  }

  it.effect("are fetched four at a time once the first is there, and come in order whichever is answered first", () =>
    Effect.gen(function* () {
      const gate = makeGate(70)
      const rows: Array<string> = []
      const fiber = yield* ChatOperations.chatLogs({ pageSize: 10 }).pipe(
        Stream.runForEach(({ id }) => Effect.sync(() => rows.push(id))),
        Effect.provide(inProcess(gate.respond)),
        Effect.forkChild
      )
      yield* Effect.promise(async () => {
        await gate.asked([0])
        gate.open(0)
        await gate.asked([10, 20, 30, 40])
        expect(rows.length).toBe(10)
        for (const skip of [40, 30, 20]) gate.open(skip)
        gate.open(10)
        await gate.asked([50, 60])
        gate.open(60)
        gate.open(50)
      })
      yield* Fiber.join(fiber)
      expect(rows).toEqual(ids(70).toReversed())
    })
  )

  it.effect("are as many as asked for", () =>
    Effect.gen(function* () {
      const gate = makeGate(70)
      const fiber = yield* walk({ pageSize: 10, concurrency: 2 }).pipe(
        Effect.provide(inProcess(gate.respond)),
        Effect.forkChild
      )
      yield* Effect.promise(async () => {
        await gate.asked([0])
        gate.open(0)
        await gate.asked([10, 20])
      })
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("are not fetched for a reader who takes no more", () =>
    Effect.gen(function* () {
      const logs = makeLogs(1000)
      const rows = yield* ChatOperations.chatLogs({ pageSize: 10 }).pipe(
        Stream.take(10),
        Stream.runCollect,
        Effect.provide(inProcess(logs.answer))
      )
      expect(rows.length).toBe(10)
      expect(logs.queries.length).toBeLessThanOrEqual(5)
    })
  )
})

describe("while rows arrive and votes change", () => {
  const changing = (logs: ReturnType<typeof makeLogs>) =>
    inProcess((request) => {
      const response = logs.answer(request)
      // After the page is made, so that the next one finds everything shifted.
      for (let i = 0; i < 3; i++) logs.insert(`later ${logs.queries.length}.${i}`)
      for (const row of logs.rows) row.vote = row.vote === "up" ? "down" : "up"
      return response
    })

  it.effect.each([
    { order: "newest", date: true, concurrency: 1 },
    { order: "newest", date: true, concurrency: 4 },
    { order: "newest", date: false, concurrency: 4 },
    { order: "oldest", date: true, concurrency: 1 },
    { order: "oldest", date: true, concurrency: 4 },
    { order: "oldest", date: false, concurrency: 4 }
  ] as const)("every row that was there at the start comes once: %j", ({ concurrency, date, order }) =>
    Effect.gen(function* () {
      const logs = makeLogs(103, { order, date })
      const rows = yield* walk({ pageSize: 10, concurrency }).pipe(Effect.provide(changing(logs)))
      expect(new Set(idsOf(rows)).size).toBe(rows.length)
      expect(idsOf(rows).filter((id) => !id.startsWith("later"))).toEqual(
        order === "newest" ? ids(103).toReversed() : ids(103)
      )
    })
  )

  it.effect("even by a service that knows no end, when pages ahead were made before a row arrived", () =>
    Effect.gen(function* () {
      const logs = makeLogs(60)
      const pages = new Map<number, Promise<Response>>()
      let isFirst = true
      const service = inProcess(async (request) => {
        const url = new URL(request.url)
        url.searchParams.delete("end_datetime")
        const skip = Number(url.searchParams.get("skip"))
        if (skip === 10 && isFirst) {
          isFirst = false
          // The pages behind this one are made first, then a row arrives that shifts them all by one.
          await Promise.resolve()
          while (!pages.has(40)) await new Promise(setImmediate)
          logs.insert("later")
        }
        const page = Promise.resolve(logs.answer(new Request(url)))
        pages.set(skip, page)
        return page
      })
      const rows = yield* walk({ pageSize: 10 }).pipe(Effect.provide(service))
      expect(idsOf(rows)).toEqual(ids(60).toReversed())
    })
  )
})

describe("a service that breaks its word", () => {
  it.effect("and sends the same page again, is found out", () =>
    Effect.gen(function* () {
      const logs = makeLogs(30)
      const stuck = inProcess((request) => {
        const url = new URL(request.url)
        url.searchParams.set("skip", "0")
        return logs.answer(new Request(url))
      })
      const error = yield* walk({ pageSize: 10 }).pipe(failureOf, Effect.provide(stuck))
      expect(error).toMatchObject({
        _tag: "InvalidResponse",
        description: "rows from 10 on were asked for and those from 0 on came again"
      })
    })
  )

  it.effect("and promises rows that it does not send, is found out", () =>
    Effect.gen(function* () {
      const empty = inProcess(() => Response.json({ messages: null, total_records: 99, current_skip: 0 }))
      expect(yield* walk().pipe(failureOf, Effect.provide(empty))).toMatchObject({
        _tag: "InvalidResponse",
        description: "total_records is 99, but no rows came from 0 on"
      })
    })
  )

  it.effect("and sends rows twice in place of others, is found out", () =>
    Effect.gen(function* () {
      const logs = makeLogs(20)
      logs.rows.splice(5, 1, { ...logs.rows[4]! })
      expect(yield* walk({ pageSize: 6 }).pipe(failureOf, Effect.provide(inProcess(logs.answer)))).toMatchObject({
        _tag: "InvalidResponse",
        description: "total_records is 20, but only 19 different rows came"
      })
    })
  )
})

describe("a cursor", () => {
  it.effect("of any row resumes the walk behind that row, though rows arrived meanwhile", () =>
    Effect.gen(function* () {
      for (const order of ["newest", "oldest"] as const) {
        const logs = makeLogs(25, { order })
        const rows = yield* walk({ pageSize: 10 }).pipe(Effect.provide(inProcess(logs.answer)))
        for (let i = 0; i < 3; i++) logs.insert(`later ${i}`)
        logs.rows.forEach((row, i) => Object.assign(row, { at: i < 25 ? row.at : row.at + 10_000 }))
        for (const [i, row] of rows.entries()) {
          const rest = yield* walk({ pageSize: 7, after: row.cursor }).pipe(Effect.provide(inProcess(logs.answer)))
          expect(idsOf(rest)).toEqual(idsOf(rows).slice(i + 1))
        }
      }
    })
  )

  it.effect("starts at the row, not at the first page", () =>
    Effect.gen(function* () {
      const logs = makeLogs(1000)
      const rows = yield* walk().pipe(Effect.provide(inProcess(logs.answer)))
      logs.queries.length = 0
      yield* walk({ after: rows[899]!.cursor }).pipe(Effect.provide(inProcess(logs.answer)))
      expect(logs.queries.map(({ skip }) => skip)).toEqual([899, 999])
    })
  )

  it.effect("finds its row where rows before it were removed", () =>
    Effect.gen(function* () {
      const logs = makeLogs(40)
      const rows = yield* walk({ pageSize: 10 }).pipe(Effect.provide(inProcess(logs.answer)))
      logs.rows.splice(30, 5)
      const rest = yield* walk({ pageSize: 10, after: rows[19]!.cursor }).pipe(Effect.provide(inProcess(logs.answer)))
      expect(idsOf(rest)).toEqual(ids(20).toReversed())
    })
  )

  it.effect("whose row is gone fails and says so", () =>
    Effect.gen(function* () {
      const logs = makeLogs(40)
      const rows = yield* walk({ pageSize: 10 }).pipe(Effect.provide(inProcess(logs.answer)))
      logs.rows.splice(20, 1)
      const error = yield* walk({ after: rows[19]!.cursor }).pipe(failureOf, Effect.provide(inProcess(logs.answer)))
      expect(error.message).toBe(
        "getChatLogs: after is the cursor of a row that the logs do not hold: walk from the start, without a cursor"
      )
    })
  )

  it.effect.each(["", "x", "|", "2024-01-01T00:00:00Z|-1|a", "yesterday|1|a", "|1|", 7])("is not %j", (after) =>
    Effect.gen(function* () {
      const logs = makeLogs(1)
      const error = yield* walk({ after: after as string }).pipe(failureOf, Effect.provide(inProcess(logs.answer)))
      expect(error).toMatchObject({ _tag: "InvalidRequest", issues: [{ field: "after" }] })
      expect(logs.queries).toEqual([])
    })
  )
})
