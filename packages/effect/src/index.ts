export {
  ApiError,
  ApiErrorReason,
  ChatError,
  InvalidRequest,
  InvalidResponse,
  NotFound,
  Operation,
  RateLimited,
  RequestIssue,
  ServerError,
  StreamInterrupted,
  TimeoutError,
  TransportError,
  Unauthorized,
  UnexpectedStatus
} from "./ChatError.ts"
export { ChatHistoryMessage, ChatHistoryResponse } from "./ChatHistory.ts"
export { ChatLogsResponse, Message } from "./ChatLogs.ts"
export type { HttpClient } from "./internal/http.ts"
export * as ChatOperations from "./ChatOperations.ts"
export { ChatResponse } from "./ChatResponse.ts"
export * as ChatStream from "./ChatStream.ts"
export type {
  ChatLogsRequest,
  ChatRequest,
  DateInput,
  GetChatHistoryRequest,
  GetChatLogsRequest,
  LogsFilter
} from "./Requests.ts"
export { Timestamp } from "./internal/timestamp.ts"
export { type PageClassification, SearchResult } from "./SearchResult.ts"
export {
  type CallOptions,
  type Timeouts,
  type TokenSource,
  WeavConfig,
  WeavConfigError,
  type WeavConfigOptions
} from "./WeavConfig.ts"
