/**
 * A walk through all log rows of the local service.
 */
import { ChatOperations, type Message } from "@weavai/effect"
import { createChatClient } from "@weavai/promise"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { mkdtempDisposable } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { effectContext } from "./clients.ts"
import { type Cases, compare } from "./compare.ts"
import { atDistance } from "./distance.ts"
import { atLeast, atMost, formatSpread, type Section, type Table } from "./report.ts"
import { startService } from "./service.ts"

const totalRows = 100_000

/** What `chatLogs` asks for unless told otherwise. */
const defaultPageSize = 100

export interface Settings {
  readonly origin: string
  readonly pageSize: number
  readonly rowCount: number
}

/** Reads as many rows, from the newest on. */
type Walk = (rowCount: number, onRow: (row: Message) => void) => Promise<void>

/** Walks through the newest rows, and makes sure that each of them came, in order. */
const walking = (rowCount: number, walk: Walk) => async () => {
  let left = rowCount
  await walk(rowCount, (row) => {
    const expected = `Row ${totalRows - 1 - (rowCount - left--)}:`
    if (!row.text.startsWith(expected)) throw new Error(`expected ${expected}, got "${row.text}"`)
  })
  if (left !== 0) throw new Error(`${rowCount - left} rows instead of ${rowCount}`)
}

export const cases = async ({ origin, pageSize, rowCount }: Settings): Promise<Cases> => {
  const run = Effect.runPromiseWith(await effectContext({ origin }))
  const client = createChatClient({ env: origin, authToken: "t" })
  const asked = pageSize === defaultPageSize ? {} : { pageSize }
  const byHand: Walk = (count, onRow) =>
    run(
      Effect.gen(function* () {
        for (let skip = 0; skip < count; skip += pageSize) {
          const page = yield* ChatOperations.getChatLogs({ skip, limit: pageSize })
          page.messages.forEach(onRow)
        }
      })
    )
  const byEffect: Walk = (count, onRow) =>
    ChatOperations.chatLogs(asked).pipe(
      Stream.take(count),
      Stream.runForEach((row) => Effect.sync(() => onRow(row))),
      run
    )
  const byPromise: Walk = async (count, onRow) => {
    let left = count
    for await (const row of client.chatLogs(asked)) {
      onRow(row)
      if (--left === 0) break
    }
  }
  return {
    "page after page, getChatLogs": walking(rowCount, byHand),
    "@weavai/effect, ChatOperations.chatLogs": walking(rowCount, byEffect),
    "@weavai/promise, for await": walking(rowCount, byPromise)
  }
}

const latency = 20

export const measure = async (): Promise<Section> => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "weavai-bench-"))
  using near = await startService("./localService.ts", join(folder.path, "chats.db"), `${totalRows}`)
  using far = await atDistance(near, latency)
  const large = { pageSize: 1000, rowCount: totalRows }
  const usual = { pageSize: defaultPageSize, rowCount: totalRows / 5 }
  return {
    title: "A walk through the logs",
    about:
      `The log rows of \`@weavai/local\`, ${totalRows.toLocaleString("en")} in its database, in a process of its own: page after page as one ` +
      `would by hand, and with \`chatLogs\`, which fetches pages ahead; with ${latency} ms between the service and the client, and without. ` +
      "Walks per second relative to by hand; resident memory at the peak of a walk beyond what it was before it, after one walk to warm up.",
    tables: [
      await compareWalks(`${latency} ms away`, { ...large, origin: far.origin }, { rounds: 3, target: 3.5 }),
      await compareWalks(`${latency} ms away`, { ...usual, origin: far.origin }, { rounds: 3, target: 3.5 }),
      await compareWalks("no latency", { ...large, origin: near.origin }, { rounds: 3, target: 1 }),
      await compareWalks("no latency", { ...usual, origin: near.origin }, { rounds: 9, target: 1 })
    ]
  }
}

const compareWalks = async (
  where: string,
  settings: Settings,
  { rounds, target }: { readonly rounds: number; readonly target: number }
): Promise<Table> => {
  const rows = await compare(import.meta.url, cases, { settings, rounds, warmup: 1 })
  return {
    caption: `${settings.rowCount.toLocaleString("en")} rows in pages of ${settings.pageSize.toLocaleString("en")}, ${where}`,
    columns: ["alternative", "seconds", "× by hand", "memory growth", "target"],
    rows: rows.map(({ memoryGrowth, name, speed, wall }, i) => [
      name,
      (wall.median / 1000).toFixed(2),
      formatSpread(speed),
      `${memoryGrowth.toFixed(0)} MiB`,
      i === 0 ? "" : `${atLeast(speed.median, target, 1)}, ${atMost(memoryGrowth, 50, 0)} MiB`
    ])
  }
}
