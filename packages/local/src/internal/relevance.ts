/**
 * How well a statement (a sentence, a list item, a table row) answers a question.
 */
import { longestQuestion, rootOf, stemsOf, type QueryTerm } from "./terms.ts"

/** A term of a question, and how much it tells in the document: the rarer the more. */
export interface WeightedTerm extends QueryTerm {
  readonly weight: number
}

/** A statement of a passage, weighed against a question. */
export interface Statement {
  readonly text: string
  /** How much of the question it covers together with what it stands in, from 0 to 1. */
  readonly coverage: number
  /** How well it answers the question by itself: about 0 to 1.6, never less than 0.05. */
  readonly score: number
  /** The heading above it, if that has a term of the question that is not in the text. */
  readonly topic: string | undefined
}

/** What is weighed: a search result, or the part of it that counts. */
export interface Passage {
  readonly text: string
  readonly sectionHeaders: ReadonlyArray<string>
}

/** How much a term counts that is in the statement itself, there by a relative, in the headings above it, or next to it. */
const share = { word: 1, relative: 0.75, heading: 0.7, neighbour: 0.35 }

/** All statements of a passage, in their order. */
export const statementsOf = (
  { text, sectionHeaders }: Passage,
  question: string,
  terms: ReadonlyArray<WeightedTerm>
): ReadonlyArray<Statement> => {
  const kind = kindOf(question.slice(0, longestQuestion))
  const asked = new Set(terms.flatMap((term) => [term.stem, ...term.synonyms]))
  const title = sectionHeaders.at(-1) ?? ""
  const above = new Set(stemsOf(title))
  const headings = new Set(stemsOf(sectionHeaders.join("\n")))
  const around = new Set(stemsOf(text))
  const coverage = covered(terms, (term) => Math.max(match(term, around), match(term, headings)))
  return text
    .split("\n")
    .flatMap(sentencesOf)
    .map((text) => {
      const own = new Set(stemsOf(text))
      const direct = covered(terms, (term) =>
        Math.max(match(term, own), share.heading * match(term, headings), share.neighbour * match(term, around))
      )
      const fits = kind === undefined ? 0 : kind.test(text) ? 0.2 : -0.2
      const named = 0.3 * precision(labelOf(text), asked) + 0.15 * precision(title, asked)
      const isAbout = terms.some((term) => match(term, own) === 0 && match(term, above) === share.word)
      return { text, coverage, score: Math.max(0.05, direct + fits + named), topic: isAbout ? title : undefined }
    })
}

/** The score of the statement that answers best. */
export const bestScore = (passage: Passage, question: string, terms: ReadonlyArray<WeightedTerm>): number =>
  statementsOf(passage, question, terms).reduce((best, { score }) => Math.max(best, score), 0)

/** The covered share of the question, by the weight of its terms; halved if what was asked for is not in it. */
const covered = (terms: ReadonlyArray<WeightedTerm>, shareOf: (term: WeightedTerm) => number): number => {
  const all = terms.reduce((sum, term) => sum + term.weight, 0)
  const some = terms.reduce((sum, term) => sum + term.weight * shareOf(term), 0)
  const focus = terms.filter((term) => term.isFocus)
  const misses = focus.length > 0 && focus.every((term) => shareOf(term) === 0)
  return all === 0 ? 0 : (some / all) * (misses ? 0.5 : 1)
}

const match = (term: QueryTerm, stems: ReadonlySet<string>): number => {
  if (stems.has(term.stem)) return share.word
  return term.synonyms.some((synonym) => stems.has(synonym)) || hasRoot(stems, term.root) ? share.relative : 0
}

const hasRoot = (stems: ReadonlySet<string>, root: string): boolean => {
  // A word begins with its root, which is quicker to ask than what its root is.
  for (const stem of stems) if (stem.startsWith(root) && rootOf(stem) === root) return true
  return false
}

/** What names a statement: the first cell of a row, or what stands before "means" or the first full stop or colon. */
const labelOf = (text: string): string =>
  /^(.{2,60}?)(?: \| | means? |: )/.exec(text)?.[1] ?? /^(\p{Lu}[^.]{2,40})\. /u.exec(text)?.[1] ?? ""

/** The share of a name's words that the question has too. */
const precision = (name: string, asked: ReadonlySet<string>): number => {
  const stems = stemsOf(name)
  return stems.filter((stem) => asked.has(stem)).length / Math.max(1, stems.length)
}

const number = String.raw`\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|half|nil|none|not (?:insured|covered))\b`
const months = "January|February|March|April|May|June|July|August|September|October|November|December"

// How a question asks, and what an answer to it then looks like.
const kinds: ReadonlyArray<readonly [question: RegExp, answer: RegExp]> = [
  [/\bwho(?:m|se)?\b|\bname of\b/i, /\p{Lu}\p{Ll}+ (?:\S+ )?\p{Lu}/u],
  [
    /\bdefin|\bmean(?:s|ing)?\b|\bcounts? as\b|^\W*what (?:is|are) (?:an?\b|\w+\W*$)/i,
    /^.{2,60} (?:means?|is defined|refers? to)\b/
  ],
  [/\bpercent(?:age)?\b|%/i, /\d ?%|per ?cent/i],
  [/^\W*when\b|\b(?:what|which) date\b/i, new RegExp(String.raw`\b(?:${months})\b|\b(?:days?|months?|years?)\b`)],
  [/\bhow (?:long|soon|often|many)\b|\b(?:deadline|days|period|term)\b/i, new RegExp(number, "i")],
  [
    /\bhow (?:much|high|large|big|far)\b|\b(?:limit|amount|cost|price|premium|deductible|fee|maximum|minimum|most|number)\b/i,
    new RegExp(`[$€£%]|${number}`, "i")
  ]
]

const kindOf = (question: string): RegExp | undefined => kinds.find(([asks]) => asks.test(question))?.[1]

const abbreviation =
  /\b(?:Inc|Ltd|Co|Corp|Nos?|St|Ave|Mr|Mrs|Ms|Dr|Sec|Art|vs|approx|e\.g|i\.e|a\.m|p\.m|U\.S|\p{Lu})\.\s*$/u
const segmenter = new Intl.Segmenter("en", { granularity: "sentence" })

/** The sentences of one line of a passage. A list item of moderate length stays whole, since its first words say what it is about. */
const sentencesOf = (line: string): ReadonlyArray<string> => {
  if (line.includes(" | ")) return [line]
  if (line.startsWith("- ") && line.length <= 300) return [line.slice(2)]
  const sentences: Array<string> = []
  for (const { segment } of segmenter.segment(line.replace(/^- /, ""))) {
    const last = sentences.at(-1)
    if (last !== undefined && abbreviation.test(last)) sentences[sentences.length - 1] = last + segment
    else sentences.push(segment)
  }
  return sentences.map((sentence) => sentence.trim()).filter((sentence) => sentence !== "")
}
