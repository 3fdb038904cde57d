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
}

/** Reads all rows, from the newest on. */
type Walk = (onRow: (row: Message) => void) => Promise<void>

/** Walks through the rows, and makes sure that each of them came, in order. */
const walking = (walk: Walk) => async () => {
  let left = totalRows
  await walk((row) => {
    const expected = `Row ${--left}:`
    if (!row.text.startsWith(expected)) throw new Error(`expected ${expected}, got "${row.text}"`)
  })
  if (left !== 0) throw new Error(`${totalRows - left} rows instead of ${totalRows}`)
}

export const cases = async ({ origin, pageSize }: Settings): Promise<Cases> => {
  const run = Effect.runPromiseWith(await effectContext({ origin }))
  const client = createChatClient({ env: origin, authToken: "t" })
  const asked = pageSize === defaultPageSize ? {} : { pageSize }
  const byHand: Walk = (onRow) =>
    run(
      Effect.gen(function* () {
        for (let skip = 0; skip < totalRows; skip += pageSize) {
          const page = yield* ChatOperations.getChatLogs({ skip, limit: pageSize })
          page.messages.forEach(onRow)
        }
      })
    )
  const byEffect: Walk = (onRow) =>
    run(Stream.runForEach(ChatOperations.chatLogs(asked), (row) => Effect.sync(() => onRow(row))))
  const byPromise: Walk = async (onRow) => {
    for await (const row of client.chatLogs(asked)) onRow(row)
  }
  return {
    "page after page, getChatLogs": walking(byHand),
    "@weavai/effect, ChatOperations.chatLogs": walking(byEffect),
    "@weavai/promise, for await": walking(byPromise)
  }
}

const latency = 20

export const measure = async (): Promise<Section> => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "weavai-bench-"))
  using near = await startService("./localService.ts", join(folder.path, "chats.db"), `${totalRows}`)
  using far = await atDistance(near, latency)
  return {
    title: "A walk through the logs",
    about:
      `The ${totalRows.toLocaleString("en")} log rows of a \`@weavai/local\` in a process of its own: page after page as one would by hand, and ` +
      `with \`chatLogs\`, which fetches pages ahead; with ${latency} ms between the service and the client, and without. Walks per second ` +
      "relative to by hand; resident memory at the peak of a walk beyond what it was before it, after one walk to warm up.",
    tables: [
      await compareWalks(
        `${latency} ms away`,
        { pageSize: defaultPageSize, origin: far.origin },
        { rounds: 2, target: 3.5 }
      ),
      await compareWalks(`${latency} ms away`, { pageSize: 1000, origin: far.origin }, { rounds: 5, target: 3.5 }),
      await compareWalks("no latency", { pageSize: defaultPageSize, origin: near.origin }, { rounds: 5, target: 1 }),
      await compareWalks("no latency", { pageSize: 1000, origin: near.origin }, { rounds: 5, target: 1 })
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
    caption: `Pages of ${settings.pageSize.toLocaleString("en")}, ${where}`,
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
