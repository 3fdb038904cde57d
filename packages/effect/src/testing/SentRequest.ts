/**
 * What a program under test sent to the chat service, in the SDK's terms.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Operation } from "../ChatError.ts"
import type { ChatRequest, GetChatHistoryRequest, GetChatLogsRequest } from "../Requests.ts"

/** A request of one operation. */
export interface Sent<O extends Operation, Request> {
  readonly operation: O
  /** What was asked. Defaults that the operation filled in are in it; datetimes are strings, as they were sent. */
  readonly request: Request
  readonly method: string
  /** The path with its query, e.g. `/chat-service/chat_history?chat_id=chat123`. */
  readonly path: string
  /** By their names in lower case. The token is left out: `authorization` is `Bearer <redacted>`. */
  readonly headers: { readonly [name: string]: string }
}

/** A request, by its operation. `chatLogs` sends the `getChatLogs` of its pages. */
export type SentRequest =
  | Sent<"chat", ChatRequest>
  | Sent<"streamChat", ChatRequest>
  | Sent<"getChatHistory", GetChatHistoryRequest>
  | Sent<"getChatLogs", GetChatLogsRequest>

/**
 * Reads a request, `undefined` where it is none of the chat service's.
 *
 * @internal
 */
export const readRequest = (request: Request, body: string): SentRequest | undefined => {
  const { pathname, search, searchParams: query } = new URL(request.url)
  const headers = Object.fromEntries(request.headers)
  if (headers["authorization"] !== undefined) {
    headers["authorization"] = headers["authorization"].replace(/^(\S+ )?.*/, "$1<redacted>")
  }
  const sent = { method: request.method, path: pathname + search, headers }

  switch (`${request.method} ${/\/(chat\w*)\/*$/.exec(pathname)?.[1]}`) {
    case "POST chat":
      return Option.getOrUndefined(
        Option.map(decodeMessage(body), ({ chat_id, file_id, stream, user_input }) => ({
          operation: stream ? "streamChat" : "chat",
          request: { userInput: user_input, chatId: chat_id, fileId: file_id },
          ...sent
        }))
      )
    case "GET chat_history":
      return { operation: "getChatHistory", request: { chatId: query.get("chat_id") ?? "" }, ...sent }
    case "GET chat_logs": {
      const start = query.get("start_datetime")
      const end = query.get("end_datetime")
      return {
        operation: "getChatLogs",
        request: {
          skip: Number(query.get("skip")),
          limit: Number(query.get("limit")),
          isSopChat: query.get("is_sop_chat") === "true",
          ...(start !== null && { startDatetime: start }),
          ...(end !== null && { endDatetime: end })
        },
        ...sent
      }
    }
    default:
      return undefined
  }
}

const decodeMessage = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      user_input: Schema.String,
      chat_id: Schema.String,
      file_id: Schema.String,
      stream: Schema.Boolean
    })
  )
)
