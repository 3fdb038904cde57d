/**
 * The full-text index of passages: filled when a document is added, asked by every search.
 */
import type { SearchResult } from "@weavai/effect"
import type { Sql } from "../Database.ts"
import type { PageContent } from "./passages.ts"
import { bestScore, type WeightedTerm } from "./relevance.ts"
import { queryTermsOf, rootOf, stemsOf, type QueryTerm } from "./terms.ts"

/** What a search found: the best passages of the document in order, and the terms that were looked for. */
export interface Found {
  readonly fileName: string
  readonly terms: ReadonlyArray<WeightedTerm>
  readonly results: ReadonlyArray<SearchResult>
}

/** Stores the pages of a document with their passages, all in the caller's transaction. */
export const storePages = (sql: Sql, fileId: string, pages: ReadonlyArray<PageContent>): void => {
  for (const [index, { text, sectionHeaders, passages }] of pages.entries()) {
    const number = index + 1
    sql.run("INSERT INTO pages VALUES (?, ?, ?, ?)", fileId, number, text, JSON.stringify(sectionHeaders))
    for (const { headings, text } of passages) {
      const { lastInsertRowid } = sql.run(insertPassage, fileId, number, JSON.stringify(headings), text)
      const above = stemsOf(headings.join("\n"))
      const body = stemsOf(text)
      const roots = [...above, ...body].map(rootOf)
      sql.run(insertTerms, lastInsertRowid, above.join(" "), body.join(" "), roots.join(" "))
    }
  }
}

const insertPassage = "INSERT INTO passages (file_id, page_number, section_headers, text) VALUES (?, ?, ?, ?)"
const insertTerms = "INSERT INTO passages_index (rowid, headings, body, roots) VALUES (?, ?, ?, ?)"

/** How many passages, the best by their words, are looked at sentence by sentence. */
const candidates = 30

/**
 * The best passages of a document for a question. A passage scores the BM25 of the question's terms in it, times the square of how
 * well its best statement answers the question: words that meet in one sentence tell more than the same words here and there.
 */
export const findPassages = (
  sql: Sql,
  { fileId, fileName }: { readonly fileId: string; readonly fileName: string },
  question: string,
  limit: number
): Found => {
  // A document is added in one transaction, so its passages have consecutive ids.
  const { first, last, count } = sql.get<PassageRange>(selectRange, fileId) ?? { first: 0, last: 0, count: 0 }
  const match = (expression: string) => sql.all<Hit>(selectHits, expression, first, last)

  const scores = new Map<number, number>()
  const terms = queryTermsOf(question).map((term, index, all): WeightedTerm => {
    const hits = match(wordExpression(term.stem))
    for (const [id, score] of scoreTerm(term, all[index + 1], hits, match)) {
      scores.set(id, (scores.get(id) ?? 0) + term.strength * score)
    }
    return { ...term, weight: term.strength * rarity(hits.length, count) }
  })

  const results = Array.from(scores)
    .sort(([idA, a], [idB, b]) => b - a || idA - idB)
    .slice(0, Math.max(candidates, limit))
    .flatMap(([id, score]) => sql.all<PassageRow>(selectPassage, id).map((row) => ({ score, ...passageOf(row) })))
    .map(({ score, ...passage }) => ({ ...passage, score: score * bestScore(passage, question, terms) ** 2 }))
    .sort((a, b) => b.score - a.score)
    .slice(0, Math.max(0, limit))
    .map((passage, index): SearchResult => ({ ...passage, fileId, fileName, rank: index + 1, tags: [] }))
  return { fileName, terms, results }
}

interface PassageRange {
  readonly first: number | null
  readonly last: number | null
  readonly count: number
}
const selectRange = "SELECT min(id) AS first, max(id) AS last, count(*) AS count FROM passages WHERE file_id = ?"

interface Hit {
  readonly id: number
  readonly score: number
}
const selectHits = `SELECT rowid AS id, -bm25(passages_index, 0.7, 1, 0.35) AS score FROM passages_index
  WHERE passages_index MATCH ? AND rowid BETWEEN ? AND ?`

/** What a synonym counts of what the word itself would, and what two words of the question add that stand together in the text. */
const share = { synonym: 0.5, phrase: 0.5 }

/** The score of one term in each passage that has it, or a synonym of it: the better of the two, and more if the next term follows it. */
const scoreTerm = (
  term: QueryTerm,
  next: QueryTerm | undefined,
  hits: ReadonlyArray<Hit>,
  match: (expression: string) => ReadonlyArray<Hit>
): ReadonlyMap<number, number> => {
  const scores = new Map(hits.map(({ id, score }) => [id, score]))
  for (const { id, score } of term.synonyms.flatMap((synonym) => match(wordExpression(synonym)))) {
    scores.set(id, Math.max(scores.get(id) ?? 0, share.synonym * score))
  }
  for (const { id, score } of next === undefined ? [] : match(`body : "${term.stem} ${next.stem}"`)) {
    scores.set(id, (scores.get(id) ?? 0) + share.phrase * score)
  }
  return scores
}

/** Stems hold letters and digits only, so quotes are all it takes to keep the engine's syntax out. */
const wordExpression = (stem: string): string => `{headings body} : "${stem}" OR roots : "${rootOf(stem)}"`

/** How much a term tells that is in `hits` of `count` passages. One that is in none counts like one in a few: it may be a manner of speaking. */
const rarity = (hits: number, count: number): number => {
  const known = hits === 0 ? Math.min(2, count) : hits
  return Math.log(1 + (count - known + 0.5) / (known + 0.5))
}

interface PassageRow {
  readonly page_number: number
  readonly section_headers: string
  readonly text: string
  readonly page_headers: string
}
const selectPassage = `SELECT page_number, passages.section_headers, passages.text, pages.section_headers AS page_headers
  FROM passages JOIN pages USING (file_id, page_number) WHERE passages.id = ?`

const passageOf = (row: PassageRow) => ({
  text: row.text,
  pageNumber: row.page_number,
  sectionHeaders: JSON.parse(row.section_headers) as ReadonlyArray<string>,
  classification: {
    pageClass: null,
    pageSections: JSON.parse(row.page_headers) as ReadonlyArray<string>,
    pageNo: row.page_number
  }
})
