/**
 * The passages that an answer rests on.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { codec, nullish } from "./internal/wire.ts"

/** What the platform found out about the page that a passage is on. */
export interface PageClassification {
  readonly pageClass: string | null
  readonly pageSections: ReadonlyArray<string>
  /** The page's number, counted from 1. */
  readonly pageNo: number | null
}

/**
 * One passage that an answer rests on.
 *
 * Page numbers count from 1. `rank` 1 is the best passage of its answer; `score` grows with relevance and is
 * comparable within one answer only. The service's `page_nr` spelling of `page_number` is taken as well.
 *
 * @example
 * ```ts
 * import { SearchResult } from "@weavai/effect"
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

const Classification = Schema.Struct({
  page_class: nullish(Schema.String),
  page_sections: nullish(Schema.Array(Schema.String)),
  page_no: nullish(Schema.Int)
})

const base = {
  text: Schema.String,
  file_id: Schema.String,
  score: Schema.Finite,
  rank: Schema.Int,
  file_name: Schema.String,
  classification: nullish(Classification),
  section_headers: nullish(Schema.Array(Schema.String)),
  tags: nullish(Schema.Array(Schema.String))
}

/** @internal */
export const Wire = Schema.Union([
  Schema.Struct({ ...base, page_number: Schema.Int }),
  Schema.Struct({ ...base, page_nr: Schema.Int })
])

/** @internal */
export const Type = Schema.Struct({
  text: Schema.String,
  fileId: Schema.String,
  pageNumber: Schema.Int,
  score: Schema.Finite,
  rank: Schema.Int,
  fileName: Schema.String,
  classification: Schema.NullOr(
    Schema.Struct({
      pageClass: Schema.NullOr(Schema.String),
      pageSections: Schema.Array(Schema.String),
      pageNo: Schema.NullOr(Schema.Int)
    })
  ),
  sectionHeaders: Schema.Array(Schema.String),
  tags: Schema.Array(Schema.String)
})

/** @internal */
export const fromWire = (wire: typeof Wire.Type): SearchResult => ({
  text: wire.text,
  fileId: wire.file_id,
  pageNumber: "page_number" in wire ? wire.page_number : wire.page_nr,
  score: wire.score,
  rank: wire.rank,
  fileName: wire.file_name,
  classification: wire.classification
    ? {
        pageClass: wire.classification.page_class ?? null,
        pageSections: wire.classification.page_sections ?? [],
        pageNo: wire.classification.page_no ?? null
      }
    : null,
  sectionHeaders: wire.section_headers ?? [],
  tags: wire.tags ?? []
})

/** @internal */
export const toWire = (value: SearchResult): typeof Wire.Type => ({
  text: value.text,
  file_id: value.fileId,
  page_number: value.pageNumber,
  score: value.score,
  rank: value.rank,
  file_name: value.fileName,
  classification: value.classification && {
    page_class: value.classification.pageClass,
    page_sections: value.classification.pageSections,
    page_no: value.classification.pageNo
  },
  section_headers: value.sectionHeaders,
  tags: value.tags
})

/** Schema of {@link SearchResult}; its encoded side is the service's JSON. */
export const SearchResult: Schema.Codec<SearchResult, typeof Wire.Encoded> = codec(Wire, Type, { fromWire, toWire })
