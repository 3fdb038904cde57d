/**
 * Answers made of the document's own sentences: the ones that say most about what was asked, each with the mark of its passage.
 *
 * @module
 */
import type { SearchResult } from "@weavai/effect"
import type { Found } from "./Documents.ts"
import { statementsOf, type Statement } from "./internal/relevance.ts"
import { stemsOf } from "./internal/terms.ts"

/** An answer, and the passages it may be checked against. */
export interface Answer {
  /** Markdown; each statement is followed by the mark `[n]` of the passage it is from, n being that passage's `rank`. */
  readonly text: string
  /** The passages in the order of their rank; none if the document does not answer the question. */
  readonly searchResults: ReadonlyArray<SearchResult>
}

/**
 * Answers a question from what a search for it found: with one to three sentences, list items or table rows that are quoted as they
 * stand. If they say too little about what was asked, the answer says that the document has none, and lists no passages.
 *
 * @example
 * ```ts
 * import { Answer, Documents } from "@weavai/local"
 * import { Effect } from "effect"
 *
 * const ask = Effect.fn("ask")(function* (fileId: string, question: string) {
 *   const documents = yield* Documents
 *   return Answer.compose({ question, ...(yield* documents.search(fileId, question)) })
 * })
 * ```
 */
export const compose = ({ question, fileName, terms, results }: Found & { readonly question: string }): Answer => {
  const statements = results
    .flatMap((result) =>
      statementsOf(result, question, terms).map((statement) => ({ ...statement, rank: result.rank }))
    )
    .filter((statement) => statement.coverage >= enough)
    .sort((a, b) => b.score - a.score || a.rank - b.rank)
  const best = statements[0]
  if (best === undefined) return { text: `Nothing in “${fileName}” answers that.`, searchResults: [] }
  const quoted = pick(statements.filter((statement) => statement.score >= near * best.score))
  const lines = quoted.map((statement) => `${quote(statement)} [${statement.rank}]`)
  const lowest = Math.max(...quoted.map((statement) => statement.rank))
  const worth = (results[0]?.score ?? 0) / 2
  return {
    text: lines.length === 1 ? lines.join("") : lines.map((line) => `- ${line}`).join("\n"),
    searchResults: results.filter(({ rank, score }) => rank <= lowest || score >= worth)
  }
}

/** The share of the question, by the weight of its terms, that a passage has to cover to answer it. */
const enough = 0.58

/** How close to the best statement a further one has to come. */
const near = 0.85

interface Ranked extends Statement {
  readonly rank: number
}

/** The best statements, three at most, none of which says the same as one before it. */
const pick = (statements: ReadonlyArray<Ranked>): ReadonlyArray<Ranked> => {
  const picked: Array<Ranked> = []
  for (const statement of statements) {
    if (picked.length === 3) break
    if (!picked.some((other) => overlap(statement.text, other.text) > 0.6)) picked.push(statement)
  }
  return picked
}

/** The share of the words of the shorter text that are in the other one too. */
const overlap = (a: string, b: string): number => {
  const [small, large] = [new Set(stemsOf(a)), new Set(stemsOf(b))].sort((x, y) => x.size - y.size)
  const common = Array.from(small ?? []).filter((stem) => large?.has(stem)).length
  return common / Math.max(1, small?.size ?? 0)
}

/** A statement as Markdown, led by what it is about if it does not say so itself. */
const quote = ({ text, topic }: Statement): string => {
  const [label, ...cells] = text.split(" | ")
  if (cells.length > 0) return `**${label}** — ${cells.join("; ")}`
  return topic === undefined ? text : `**${topic}** — ${text}`
}
