/**
 * What may be kept of a text from outside.
 */
import { findSecrets } from "./secrets.ts"

/** Its first 1,000 characters, without the token and without anything that looks like a JWT, however they are spelled. */
export const excerptOf = (text: string, token: string): string => {
  // Enough of the text to see the whole of a token that begins in what is kept: no character is spelled with more than 10.
  const seen = text.slice(0, length + 10 * token.length)
  let kept = ""
  let at = 0
  for (const { end, start } of findSecrets(seen, token.length < shortest ? [] : [token])) {
    if (start >= length) break
    if (start >= at) kept += `${seen.slice(at, start)}<redacted>`
    at = Math.max(at, end)
  }
  return kept + seen.slice(at, length)
}

const length = 1000

/** Of characters in a secret. A placeholder such as `any` would be cut out of other words. */
const shortest = 4
