/**
 * The bodies of the contract, each as its model. A reader throws `Unreadable` where the body is not what the contract
 * says.
 */
import type { ChatHistoryMessage, ChatHistoryResponse } from "../ChatHistory.ts"
import type { ChatLogsResponse, Message } from "../ChatLogs.ts"
import type { ChatResponse } from "../ChatResponse.ts"
import type { PageClassification, SearchResult } from "../SearchResult.ts"
import {
  anything,
  boolean,
  date,
  type Fields,
  integer,
  list,
  nested,
  nullable,
  number,
  object,
  string,
  strings,
  Unreadable
} from "./read.ts"

export type Reader<A> = (json: unknown) => A

export const readChatResponse: Reader<ChatResponse> = (json) => {
  const wire = object(json)
  return {
    messageId: string(wire.message_id, "message_id"),
    chatId: string(wire.chat_id, "chat_id"),
    text: string(wire.text, "text"),
    timestamp: date(wire.timestamp, "timestamp"),
    type: string(wire.type, "type"),
    vote: string(wire.vote, "vote"),
    searchResults: list(wire.search_results, "search_results", readSearchResult),
    generateButton: nullable(wire.generate_button, "generate_button", string),
    tags: strings(wire.tags, "tags")
  }
}

export const readChatHistoryResponse: Reader<ChatHistoryResponse> = (json) => {
  const { messages } = object(json)
  // Any other JSON object, an error body with status 200 say, would pass for an empty history.
  if (messages === undefined) throw new Unreadable("messages", "a list")
  return { messages: list(messages, "messages", readHistoryMessage) }
}

export const readChatLogsResponse: Reader<ChatLogsResponse> = (json) => {
  const wire = object(json)
  return {
    messages: list(wire.messages, "messages", readMessage),
    totalRecords: integer(wire.total_records, "total_records"),
    currentSkip: integer(wire.current_skip, "current_skip")
  }
}

const readHistoryMessage: Reader<ChatHistoryMessage> = (json) => {
  const wire = object(json)
  return {
    messageId: string(wire.message_id, "message_id"),
    chatId: string(wire.chat_id, "chat_id"),
    text: string(wire.text, "text"),
    timestamp: date(wire.timestamp, "timestamp"),
    type: string(wire.type, "type"),
    vote: string(wire.vote, "vote"),
    searchResults: anything(wire.search_results, "search_results"),
    generateButton: nullable(wire.generate_button, "generate_button", boolean),
    tags: anything(wire.tags, "tags")
  }
}

const readMessage: Reader<Message> = (json) => {
  const wire = object(json)
  return {
    id: string(wire.id, "id"),
    timestamp: date(wire.timestamp, "timestamp"),
    type: string(wire.type, "type"),
    valid: nullable(wire.valid, "valid", boolean),
    vote: string(wire.vote, "vote"),
    chatId: string(wire.chat_id, "chat_id"),
    userId: string(wire.user_id, "user_id"),
    tags: strings(wire.tags, "tags"),
    text: string(wire.text, "text")
  }
}

export const readSearchResult: Reader<SearchResult> = (json) => {
  const wire = object(json)
  return {
    text: string(wire.text, "text"),
    fileId: string(wire.file_id, "file_id"),
    // The platform's search service has the other name.
    pageNumber: integer(wire.page_number ?? wire.page_nr, "page_number"),
    score: number(wire.score, "score"),
    rank: integer(wire.rank, "rank"),
    fileName: string(wire.file_name, "file_name"),
    classification: nested(wire.classification, "classification", readClassification),
    sectionHeaders: strings(wire.section_headers, "section_headers"),
    tags: strings(wire.tags, "tags")
  }
}

const readClassification = (wire: Fields): PageClassification => ({
  pageClass: nullable(wire.page_class, "page_class", string),
  pageSections: strings(wire.page_sections, "page_sections"),
  pageNo: nullable(wire.page_no, "page_no", integer)
})
