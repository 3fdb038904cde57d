/**
 * Words as retrieval sees them. Documents and questions go through the same cutting and stemming, so they meet in one form;
 * a term consists of letters and digits only, so no syntax of the full-text engine can come out of a question.
 */

// A number with its separators, a word with its apostrophe, or a per cent sign.
const word = /\d[\d,]*(?:\.\d+)?(?![\p{L}\d])|[\p{L}\p{N}]+(?:['’]\p{L}+)*|%/gu

/** A word in its place, and its lower-case form without accents, apostrophes and separators. */
interface Word {
  readonly at: number
  readonly end: number
  readonly form: string
}

const words = (text: string): ReadonlyArray<Word> =>
  Array.from(text.matchAll(word), (match) => ({
    at: match.index,
    end: match.index + match[0].length,
    form: normalize(match[0])
  }))

const normalize = (word: string): string => {
  if (word === "%") return "percent"
  if (/^\d/.test(word)) return word.replaceAll(",", "").replace(/\.0+$/, "").toLowerCase()
  const lower = word.toLowerCase()
  const bare = /^[a-z']+$/.test(lower) ? lower : lower.normalize("NFKD").replace(/\p{M}/gu, "")
  return bare.replace(/['’]s?$|['’]/g, "")
}

/**
 * The stem of a normalized word: its singular, its verb without -ed or -ing. Derived words keep apart ("insurer" and "insured" are
 * two parties to a policy); {@link rootOf} brings them together.
 */
export const stemOf = (word: string): string => {
  if (word.length < 4 || /\d/.test(word)) return word
  let stem = word
  if (/(?:[sxz]|[cs]h)es$/.test(stem)) stem = stem.slice(0, -2)
  else if (/[^aeious]ies$/.test(stem)) stem = `${stem.slice(0, -3)}y`
  else if (/[^sui]s$/.test(stem)) stem = stem.slice(0, -1)
  const verb = stem.replace(/(?:ed|ing)$/, "")
  if (verb.length > 2 && /[aeiouy]/.test(verb)) stem = verb
  // What is left of "cancelled" and "cancel", of "freezing" and "freeze", becomes one.
  return stem.length > 3 ? stem.replace(/([^aeiou])\1$/, "$1").replace(/([^e])e$/, "$1") : stem
}

/** What a stem has in common with its word family: "cover" for coverage, "cancel" for cancellation. */
export const rootOf = (stem: string): string => {
  const short = /^(.{3,})(?:ment|abl)$/.exec(stem)?.[1]
  const root = short ?? /^(.{4,}?)(?:ation|ition|ion|ibl|anc|enc|ag|al|or|er|iv|ity|ant|ent|ly)$/.exec(stem)?.[1]
  return root === undefined ? stem : root.replace(/([^aeiou])\1$/, "$1").replace(/e$/, "")
}

/** The stems of all words of a text, in their order. A hyphenated pair also counts as one word: "clean-up" is found as "cleanup". */
export const stemsOf = (text: string): ReadonlyArray<string> => {
  const found = words(text)
  return found.flatMap(({ end, form }, index) => {
    const next = found[index + 1]
    const isPair = next !== undefined && next.at === end + 1 && text[end] === "-" && !/\d/.test(form)
    return isPair ? [stemOf(form), stemOf(form + next.form)] : [stemOf(form)]
  })
}

/** Words that ask or connect but name nothing. */
const stopWords = new Set(
  `a about according after all also am an and any are as at be because been before being between big both but by can could did do does
  doing document down during each either else every explain few for from get gets give given had has have having he her here high his
  how i if in into is it its just kind large let list long many may me mean mentioned might more much must my need no not of often on
  once only or other our out over own page per please regarding said same say says section shall she should show small so some soon
  state stated such tell than that the their them then there these they this those through to too type under until up us use
  used very was we were what when where whether which while who whom whose why will with within without would you your`.split(
    /\s+/
  )
)

/** Words that ask for a kind of answer more than for a subject: an amount, a date, a number of days. */
const weakWords = new Set(
  `allow amount apply available cent count date day define definition determine dollar exist figure handle happen hour information
  insured insurer involve limit maximum meaning minimum month name number occur percent percentage provide policyholder quantity rate relate require resolve size sum
  time total value week work year`
    .split(/\s+/)
    .map(stemOf)
)

/** Words that insurance uses for one another. Each line is one group; a match through it counts less than the word itself. */
const synonyms: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  `limit maximum most cap
  premium cost price charge
  deductible retention
  insured policyholder
  insurer carrier insurance company
  cover covered coverage insure insured include
  exclude excluded exclusion
  mortgagee mortgageholder lender mortgage
  agent broker producer
  notify notice report tell
  sue suit lawsuit legal
  begin start effective inception commence period
  end expire expiration period
  cancel cancellation terminate termination
  renew renewal nonrenewal
  vacant vacancy unoccupied empty
  pay paid payment reimburse
  vehicle car automobile truck
  storm hurricane
  location premises site address
  employee worker staff
  building structure
  contents property belongings
  wait waiting
  dispute disagree disagreement appraisal arbitration
  claim loss
  freeze frozen
  break broken breakage
  lose lost loss
  mold fungus
  submit send file
  definition define mean
  trash debris
  outage failure interruption
  wind windstorm
  annual year yearly
  choose chosen select
  steal stolen theft burglary`
    .split("\n")
    .map((line) => line.trim().split(" ").map(stemOf))
    .flatMap((group) => group.map((stem) => [stem, group] as const))
    .reduce((all, [stem, group]) => {
      const known = all.get(stem) ?? new Set<string>()
      for (const other of group) if (other !== stem) known.add(other)
      return all.set(stem, known)
    }, new Map<string, Set<string>>())
)

/** A term of a question: what it is looked up by, and how much of the question it carries. */
export interface QueryTerm {
  readonly stem: string
  readonly root: string
  readonly synonyms: ReadonlyArray<string>
  /** 1, or less for a word that asks for a kind of answer. */
  readonly strength: number
  /** Whether it is (part of) what is asked for: the mortgagee in "Who is the mortgagee of the plant?". */
  readonly isFocus: boolean
}

// What follows "what is the" or "how many", up to the next word that begins another part of the sentence.
const focus =
  /\b(?:(?:what|who|which)(?:['’]s|\s+(?:is|are|was|were))|how (?:many|much))\s+(?=\S)(.*?)(?:\b(?:of|for|in|at|on|to|under|by|with|per|if|when|that|is|are|was|do|does|did|will|can|must)\b|[?.,;]|$)/i

/** How many terms of a question are looked for. A question has a dozen; a whole letter pasted in must not keep the service busy. */
const mostTerms = 64

/** How many characters of a question are read, for the same reason. */
export const longestQuestion = 10_000

/** The informative terms of a question, each once, in their order. None if it consists of stop words alone. */
export const queryTermsOf = (text: string): ReadonlyArray<QueryTerm> => {
  const question = text.slice(0, longestQuestion)
  const informative = words(question).filter(({ form }) => !stopWords.has(form))
  const stems = new Set(informative.map(({ form }) => stemOf(form)))
  const inFocus = new Set(stemsOf(focus.exec(question)?.[1] ?? ""))
  return Array.from(stems)
    .slice(0, mostTerms)
    .map((stem) => ({
      stem,
      root: rootOf(stem),
      synonyms: Array.from(synonyms.get(stem) ?? []),
      strength: weakWords.has(stem) ? 0.3 : 1,
      isFocus: inFocus.has(stem) && !weakWords.has(stem)
    }))
}
