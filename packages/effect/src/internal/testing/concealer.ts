/**
 * Takes secrets out of texts that are to be kept.
 */
import { findSecrets, type Range } from "../secrets.ts"

export interface Concealer {
  /** Counts the token of an authorization header among the secrets. */
  readonly addToken: (authorization: string | undefined) => void
  readonly text: (text: string) => string
  /** Takes secrets out of a text that comes in chunks, also where they span several of them. */
  readonly chunks: (chunks: ReadonlyArray<string>) => ReadonlyArray<string>
}

/** Conceals tokens, what looks like a JWT, and these secrets. */
export const makeConcealer = (secrets: ReadonlyArray<string | RegExp>): Concealer => {
  const texts = new Set(secrets.filter((secret) => typeof secret === "string"))
  const patterns = secrets
    .filter((secret) => secret instanceof RegExp)
    .map((pattern) => new RegExp(pattern, pattern.flags.replace(/[gy]/g, "") + "g"))
  const finders: ReadonlyArray<Find> = [
    (text) => findSecrets(text, [...texts, ...Array.from(texts, bytesOf)]),
    ...patterns.map(finderOf)
  ]
  const chunks: Concealer["chunks"] = (all) => finders.reduce(conceal, all)
  return {
    addToken(authorization = "") {
      const token = authorization.replace(/^\S+ /, "")
      // A shorter one keeps nobody out, and is likely to be a word: `any`.
      if (token.length >= 8) texts.add(token)
    },
    text: (text) => chunks([text]).join(""),
    chunks: (all) => chunks(all).filter((chunk) => chunk !== "")
  }
}

/** As percent-encoding spells it: a character for each byte. */
const bytesOf = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))

/** Where the secrets of one kind are in a text. */
type Find = (text: string) => ReadonlyArray<Range>

const finderOf =
  (pattern: RegExp): Find =>
  (text) =>
    Array.from(text.matchAll(pattern), ({ 0: { length }, index }) => ({ start: index, end: index + length }))

const conceal = (chunks: ReadonlyArray<string>, find: Find): ReadonlyArray<string> => {
  const text = chunks.join("")
  const secrets = find(text)
  let end = 0
  return chunks.map((chunk) => {
    const start = end
    end += chunk.length
    let kept = ""
    let at = start
    for (const secret of secrets) {
      if (secret.end <= at || secret.start >= end) continue
      kept += text.slice(at, Math.max(at, secret.start)) + (secret.start >= at ? "<redacted>" : "")
      at = Math.min(secret.end, end)
    }
    return kept + text.slice(at, end)
  })
}
