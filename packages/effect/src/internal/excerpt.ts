/**
 * What may be kept of a text from outside: its first 1,000 characters, without the token and without anything that
 * looks like a JWT, be they whole, percent-encoded, or with JSON's escapes, once or more often.
 */
export const excerptOf = (text: string, token: string): string => {
  const secret = new RegExp(`${Array.from(token, spellings).join("")}|${jwt}`, "gi")
  // Enough of the text to see the whole of a token that begins in what is kept.
  const seen = text.slice(0, length + 10 * token.length)
  let kept = ""
  let at = 0
  for (let match = secret.exec(seen); match !== null && match.index < length; match = secret.exec(seen)) {
    kept += `${seen.slice(at, match.index)}<redacted>`
    at = secret.lastIndex
  }
  return kept + seen.slice(at, length)
}

const length = 1000

const jwt = String.raw`\beyJ[\w-]{5,2000}\.[\w-]{1,8000}(?:\.[\w-]*)?`

/** The ways to write a character, none of them longer than ten. */
const spellings = (character: string): string => {
  const hex = character.charCodeAt(0).toString(16).padStart(2, "0")
  const coded = String.raw`%(?:25){0,3}${hex}|\\{1,4}u00${hex}`
  const plain = character.replace(/[^\w]/, String.raw`\$&`)
  return character === "\\" ? String.raw`(?:${coded}|\\{1,8})` : String.raw`(?:${coded}|\\{0,8}${plain})`
}
