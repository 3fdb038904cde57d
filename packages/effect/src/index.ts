export * as CallObserver from "./CallObserver.ts"
export {
  ApiError,
  type ApiErrorReason,
  InvalidRequest,
  InvalidResponse,
  NotFound,
  type Operation,
  RateLimited,
  type RequestIssue,
  type ResponseDetails,
  ServerError,
  StreamInterrupted,
  TimeoutError,
  TransportError,
  Unauthorized,
  UnexpectedStatus
} from "./ChatError.ts"
export { ChatError } from "./ChatErrorSchema.ts"
export { ChatHistoryMessage, ChatHistoryResponse } from "./ChatHistory.ts"
export { ChatLogsResponse, type LogRow, Message } from "./ChatLogs.ts"
export type { HttpClient } from "./internal/http.ts"
export * as ChatOperations from "./ChatOperations.ts"
export { ChatResponse } from "./ChatResponse.ts"
export * as ChatStream from "./ChatStream.ts"
export * as RequestLimit from "./RequestLimit.ts"
export type {
  ChatLogsRequest,
  ChatRequest,
  DateInput,
  GetChatHistoryRequest,
  GetChatLogsRequest,
  LogsFilter
} from "./Requests.ts"
export * as Telemetry from "./Telemetry.ts"
export { Timestamp } from "./Timestamp.ts"
export { type PageClassification, SearchResult } from "./SearchResult.ts"
export {
  type CallOptions,
  type LayerConfigOptions,
  type RetryPolicy,
  type Timeouts,
  type TokenSource,
  WeavConfig,
  WeavConfigError,
  type WeavConfigOptions
} from "./WeavConfig.ts"
