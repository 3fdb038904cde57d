/**
 * Secrets in a text from outside, however it spells them: as they are, percent-encoded, or with JSON's escapes, once or
 * more often. The text is read back to what it spells, and searched then: one regular expression of all spellings took
 * 100 ms and more for a JWT of a thousand characters.
 */

/** A part of a text. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Where these secrets stand in a text, and all that looks like a JWT, in the order of their starts. */
export const findSecrets = (text: string, secrets: ReadonlyArray<string>): ReadonlyArray<Range> => {
  const { ends, plain, starts } = unescaped(text)
  const found: Array<Range> = []
  const add = (index: number, length: number) => found.push({ start: starts[index]!, end: ends[index + length - 1]! })

  const folded = fold(plain)
  for (const secret of secrets) {
    // What looks like an escape in a secret may be read as one or not.
    for (const needle of new Set([unescaped(secret).plain, secret.replaceAll("\\", "")].map(fold))) {
      if (needle === "") continue
      for (let at = folded.indexOf(needle); at !== -1; at = folded.indexOf(needle, at + needle.length)) {
        add(at, needle.length)
      }
    }
  }
  for (const { 0: match, index } of plain.matchAll(jwt)) add(index, match.length)
  return found.toSorted((a, b) => a.start - b.start)
}

const jwt = /\beyJ[\w-]{5,2000}\.[\w-]{1,8000}(?:\.[\w-]*)?/g

/** A byte percent-encoded up to four times, a code unit in JSON with its backslash escaped up to twice, backslashes. */
const escape = /%(?:25){0,3}([\da-f]{2})|\\{1,4}u([\da-f]{4})|\\+/gi

/** What a text spells, without backslashes, and where in the text each of its characters stands. */
const unescaped = (text: string) => {
  let plain = ""
  const starts: Array<number> = []
  const ends: Array<number> = []
  const add = (character: string, start: number, end: number) => {
    plain += character
    starts.push(start)
    ends.push(end)
  }
  let at = 0
  const copy = (to: number) => {
    for (; at < to; at++) add(text[at]!, at, at + 1)
  }
  for (const { 0: match, 1: byte, 2: unit, index } of text.matchAll(escape)) {
    copy(index)
    at = index + match.length
    const code = parseInt(byte ?? unit ?? "", 16)
    if (!Number.isNaN(code) && code !== backslash) add(String.fromCharCode(code), index, at)
  }
  copy(text.length)
  return { ends, plain, starts }
}

const backslash = 0x5c

/** In lower case; of ASCII only, so that no character becomes two. */
const fold = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
