/**
 * Calls of the Promise edition that are interrupted: by their signal, by closing the client, by leaving the iterator.
 */
import { expect, it } from "@effect/vitest"
import { type ChatClient, createChatClient } from "@weavai/promise"
import { getEventListeners } from "node:events"
import { token } from "../support/client.ts"
import {
  connectionsOfFetch,
  type Operation,
  operations,
  type Settings,
  testInterruption,
  type Way,
  walk
} from "../support/interruption.ts"
import { rejection } from "../support/promises.ts"
import { startRawServer } from "../support/rawServer.ts"
import * as wire from "../support/wireExamples.ts"

type Calls = { readonly [O in Operation]: (client: ChatClient, signal: AbortSignal) => AsyncIterator<unknown> }

/** An iterator that calls once. */
const once = (call: () => Promise<unknown>): AsyncIterator<unknown> =>
  (async function* () {
    yield await call()
  })()

const calls: Calls = {
  getChatLogs: (client, signal) => once(() => client.getChatLogs({}, { signal })),
  getChatHistory: (client, signal) => once(() => client.getChatHistory({ chatId: wire.chatId }, { signal })),
  chat: (client, signal) => once(() => client.chat(wire.question, { signal, onUncertain: "reconcile" })),
  streamChat: (client, signal) => client.streamChat(wire.question, { signal })[Symbol.asyncIterator](),
  chatLogs: (client, signal) => client.chatLogs(walk, { signal })[Symbol.asyncIterator]()
}

/** Reads items while they are wanted, as a loop does. */
const readItems = async (items: AsyncIterator<unknown>, onItem: Settings["onItem"]): Promise<void> => {
  while (!(await items.next()).done) if (!(await onItem())) return void (await items.return?.())
}

interface Started {
  readonly client: ChatClient
  readonly controller: AbortController
  readonly items: AsyncIterator<unknown>
}

const way = (name: string, interrupt: (started: Started) => unknown, only?: ReadonlyArray<Operation>): Way => {
  let signal: AbortSignal | undefined
  return {
    name: `@weavai/promise, ${name}`,
    operations: only ?? operations,
    connections: connectionsOfFetch,
    others: () => (signal === undefined ? 0 : getEventListeners(signal, "abort").length),
    start(operation, { askToken, onItem, retry, url }) {
      const controller = new AbortController()
      signal = controller.signal
      const client = createChatClient({ env: url, authToken: askToken, retry })
      const items = calls[operation](client, signal)
      let isLeft = false
      return {
        interrupt() {
          isLeft = only !== undefined
          interrupt({ client, controller, items })
        },
        ended: readItems(items, onItem).then(
          // A loop that is left ends as if there were no more.
          () => (isLeft ? "interrupted" : "value"),
          (error: unknown) => (error instanceof Error && error.name === "AbortError" ? "interrupted" : error)
        )
      }
    }
  }
}

testInterruption([
  way("aborted", ({ controller }) => controller.abort()),
  way("closed", ({ client }) => client.close()),
  way("left", ({ items }) => items.return!(), ["streamChat", "chatLogs"])
])

it.each(operations)("%s that is aborted before it starts sends nothing", async (operation) => {
  await using server = await startRawServer()
  const signal = AbortSignal.abort()
  const client = createChatClient({ env: server.url, authToken: token })
  expect(await rejection(calls[operation](client, signal).next())).toBe(signal.reason)
  expect(getEventListeners(signal, "abort")).toEqual([])
  expect(server.requests).toEqual([])
})
