/**
 * A Weav.ai-compatible chat service that runs on your own machine.
 */
export * as Answer from "./Answer.ts"
export {
  ChatNotFound,
  Chats,
  defaultPageSize,
  defaultUserId,
  type LogsQuery,
  maxPageSize,
  MessageNotFound,
  type Question
} from "./Chats.ts"
export { Database, DatabaseError, type DatabaseOptions, type Row, type Sql } from "./Database.ts"
export {
  type AddedDirectory,
  type Document,
  DocumentError,
  DocumentNotFound,
  Documents,
  type Found
} from "./Documents.ts"
export {
  type FaultPoint,
  type FaultRule,
  FaultRuleError,
  type FaultScope,
  type CutFault,
  type LatencyFault,
  type StallFault,
  type StatusFault
} from "./Faults.ts"
export { ListenError, LocalServer, type ServerOptions, type ServiceOptions } from "./LocalServer.ts"
export { LocalApi } from "./LocalApi.ts"
