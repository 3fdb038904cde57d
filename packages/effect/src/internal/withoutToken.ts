/**
 * Takes a token out of a text, and anything that looks like a JWT: whole, percent-encoded, or with JSON's escapes,
 * once or more often, as a service or a gateway may echo it.
 */
export const withoutToken = (text: string, token: string): string =>
  text.replace(new RegExp(Array.from(token, spellings).join(""), "gi"), "<redacted>").replace(jwt, "<redacted>")

const jwt = /\beyJ[\w-]{5,}\.[\w-]+(\.[\w-]*)?/g

const spellings = (character: string): string => {
  const hex = character.charCodeAt(0).toString(16).padStart(2, "0")
  const coded = `%(?:25)*${hex}|\\\\+u00${hex}`
  return character === "\\" ? `(?:${coded}|\\\\+)` : `(?:${coded}|\\\\*${character.replace(/[^\w]/, "\\$&")})`
}
