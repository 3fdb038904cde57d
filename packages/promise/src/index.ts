export {
  ApiError,
  type ApiErrorReason,
  type ChatError,
  type ChatHistoryMessage,
  type ChatHistoryResponse,
  type ChatLogsResponse,
  type ChatRequest,
  type ChatResponse,
  type GetChatHistoryRequest,
  InvalidRequest,
  InvalidResponse,
  type Message,
  NotFound,
  type Operation,
  type PageClassification,
  RateLimited,
  type RequestIssue,
  type SearchResult,
  ServerError,
  StreamInterrupted,
  TimeoutError,
  TransportError,
  Unauthorized,
  UnexpectedStatus,
  WeavConfigError
} from "@weavai/effect"
export type { AnswerStream } from "./AnswerStream.ts"
export {
  type ChatClient,
  type ChatClientOptions,
  type ChatLogsRequest,
  createChatClient,
  type GetChatLogsRequest,
  type LogsFilter,
  type RequestOptions,
  type StreamOptions,
  type Timeouts
} from "./ChatClient.ts"
