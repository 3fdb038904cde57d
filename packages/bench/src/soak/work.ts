/**
 * The calls of a soak, one after the other, and how each ended.
 */
import { ApiError, NotFound, Unauthorized } from "@weavai/effect"
import type { Client } from "./clients.ts"
import { type Ledger, textOf } from "./ledger.ts"

export interface Work {
  readonly clients: ReadonlyArray<Client>
  /** The document to ask. */
  readonly fileId: string
  readonly ledger: Ledger
  /** When to begin no further call, by `performance.now()`. */
  readonly deadline: number
}

const operations = ["chat", "streamChat", "getChatHistory", "getChatLogs"] as const

/** After so many calls a worker begins another chat, so that no history grows long. */
const callsPerChat = 48

/** Takes turns between all clients and operations. */
export const work = async (worker: number, { clients, deadline, fileId, ledger }: Work): Promise<void> => {
  for (let turn = worker; performance.now() < deadline; turn++) {
    const client = clients[turn % clients.length]!
    const operation = operations[Math.floor(turn / clients.length) % operations.length]!
    const id = ledger.begin({ client: client.name, operation })
    const message = { userInput: textOf(id), chatId: `${worker}.${Math.floor(turn / callsPerChat)}`, fileId }
    try {
      const answer = await call(client, operation, message)
      ledger.settle(id, "answered", "messageId" in answer ? answer : undefined)
    } catch (error) {
      ledger.settle(id, outcomeOf(error))
    }
  }
}

const call = (client: Client, operation: (typeof operations)[number], message: Parameters<Client["chat"]>[0]) => {
  switch (operation) {
    case "getChatHistory":
      return client.getChatHistory(message.chatId)
    case "getChatLogs":
      return client.getChatLogs({ limit: 10, startDatetime: new Date(Date.now() - 10_000) })
    default:
      return client[operation](message)
  }
}

const outcomeOf = (error: unknown): string => {
  if (error instanceof ApiError) return error.reason._tag
  return error instanceof NotFound || error instanceof Unauthorized ? error._tag : `defect: ${String(error)}`
}
