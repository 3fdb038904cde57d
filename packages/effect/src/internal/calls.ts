/**
 * What each operation asks of the service.
 */
import * as Requests from "../Requests.ts"
import type { Call } from "./http.ts"

/** Sends a message. */
export const chatCall = (operation: "chat" | "streamChat", request: Requests.ChatRequest, stream: boolean): Call => ({
  operation,
  method: "POST",
  path: "/chat",
  json: { user_input: request.userInput, file_id: request.fileId, chat_id: request.chatId, stream },
  accept: stream ? "text/event-stream, application/x-ndjson;q=0.9, application/json;q=0.8" : "application/json"
})

/** Reads the messages of one chat. */
export const historyCall = (chatId: string): Call =>
  get("getChatHistory", `/chat_history?${encode(new URLSearchParams({ chat_id: chatId }))}`)

/** Reads one page of the log rows. */
export const logsCall = (
  { isSopChat = false, startDatetime }: Requests.LogsFilter,
  skip: number,
  limit: number,
  end: string | undefined
): Call => {
  const query = new URLSearchParams({ skip: `${skip}`, limit: `${limit}` })
  const start = Requests.toQueryDate(startDatetime)
  if (start !== undefined) query.set("start_datetime", start)
  if (end !== undefined) query.set("end_datetime", end)
  query.set("is_sop_chat", `${isSopChat}`)
  return get("getChatLogs", `/chat_logs/?${encode(query)}`)
}

const get = (operation: Call["operation"], path: string): Call => ({
  operation,
  method: "GET",
  path,
  accept: "application/json"
})

/** Spaces as `%20`: form encoding's `+` is read as a plus sign by some gateways. */
const encode = (query: URLSearchParams): string => query.toString().replaceAll("+", "%20")
