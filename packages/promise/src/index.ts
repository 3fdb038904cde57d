export type { AnswerStream } from "./AnswerStream.ts"
export {
  type ChatClient,
  type ChatClientOptions,
  type ChatOptions,
  createChatClient,
  type Limits,
  type RequestOptions,
  type Retry,
  type StreamOptions,
  type Timeouts
} from "./ChatClient.ts"
export {
  ApiError,
  type ApiErrorReason,
  type ChatError,
  type ErrorClass,
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
  UnexpectedStatus,
  WeavConfigError
} from "./ChatError.ts"
export type { ChatHistoryMessage, ChatHistoryResponse } from "./ChatHistory.ts"
export type { ChatLogsResponse, LogRow, Message } from "./ChatLogs.ts"
export type { ChatResponse, PageClassification, SearchResult } from "./ChatResponse.ts"
export type { CallEvent, EndEvent, RequestEvent, RequestHooks, ResponseEvent, RetryEvent } from "./RequestHooks.ts"
export type { ChatLogsRequest, ChatRequest, GetChatHistoryRequest, GetChatLogsRequest, LogsFilter } from "./Requests.ts"
export type { ResponseInfo, ResponsePromise, WithResponse } from "./ResponsePromise.ts"
