/**
 * The answer to one message.
 */

/**
 * The answer to one message, or one piece of it when it is streamed.
 *
 * `text` is Markdown and may hold stray `<br>` tags. `vote` is `"no vote"` until somebody votes.
 */
export interface ChatResponse {
  readonly messageId: string
  readonly chatId: string
  readonly text: string
  readonly timestamp: Date
  readonly type: string
  readonly vote: string
  readonly searchResults: ReadonlyArray<SearchResult>
  readonly generateButton: string | null
  readonly tags: ReadonlyArray<string>
}

/**
 * One passage that an answer rests on.
 *
 * Page numbers count from 1. `rank` 1 is the best passage of its answer; `score` grows with relevance and is
 * comparable within one answer only.
 *
 * @example
 * ```ts
 * import type { SearchResult } from "@weavai/promise"
 *
 * const cite = (source: SearchResult) => `${source.fileName}, page ${source.pageNumber}`
 * ```
 */
export interface SearchResult {
  readonly text: string
  readonly fileId: string
  readonly pageNumber: number
  readonly score: number
  readonly rank: number
  readonly fileName: string
  readonly classification: PageClassification | null
  readonly sectionHeaders: ReadonlyArray<string>
  readonly tags: ReadonlyArray<string>
}

/** What the platform found out about the page that a passage is on. */
export interface PageClassification {
  readonly pageClass: string | null
  readonly pageSections: ReadonlyArray<string>
  /** The page's number, counted from 1. */
  readonly pageNo: number | null
}
