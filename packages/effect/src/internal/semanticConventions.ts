/**
 * What spans and metrics call things: OpenTelemetry's names for HTTP and generative AI where there is one, `weavai.` before
 * what there is none for.
 */
import * as Predicate from "effect/Predicate"
import { ApiError, type Operation } from "../ChatError.ts"

/** The name of an operation: one of the convention's for messages, for the others what the service calls them. */
export const operationName = (operation: Operation): string => names[operation]

const names: Record<Operation, string> = {
  chat: "chat",
  streamChat: "chat",
  getChatHistory: "get_chat_history",
  getChatLogs: "get_chat_logs"
}

/** What all telemetry of an operation carries. */
export const attributesOf = (operation: Operation) => ({
  "code.function.name": `ChatOperations.${operation}`,
  "gen_ai.operation.name": operationName(operation),
  "gen_ai.provider.name": "weav.ai"
})

/** Where a URL leads. */
export const serverOf = (url: URL) => ({
  "server.address": url.hostname.replace(/^\[(.*)\]$/, "$1"),
  "server.port": Number(url.port) || (url.protocol === "https:" ? 443 : 80)
})

/** The class of a failure: the tag of the error, of an `ApiError` that of its reason. */
export const errorType = (error: unknown): string => {
  const tagged = error instanceof ApiError ? error.reason : error
  return Predicate.hasProperty(tagged, "_tag") ? String(tagged._tag) : "_OTHER"
}

/** Nanoseconds as seconds. */
export const seconds = (nanos: bigint): number => Number(nanos) / 1e9
