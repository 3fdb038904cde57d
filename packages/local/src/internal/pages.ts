/** Length of a page in characters, for text that does not say where its pages end. */
const pageLength = 3000

/**
 * Cuts text into pages: at each form feed, or, in text without any, after about 3,000 characters where it hurts least.
 */
export const splitPages = (text: string): ReadonlyArray<string> => {
  const clean = text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .replaceAll("\0", "")
  if (!clean.includes("\f")) return cut(clean.trim())
  const pages = clean.split("\f").map((page) => page.trim())
  // A form feed at the very end closes the last page and opens none.
  return pages.at(-1) === "" ? pages.slice(0, -1) : pages
}

const cut = (text: string): ReadonlyArray<string> => {
  const pages: Array<string> = []
  let rest = text
  while (rest.length > pageLength) {
    const end = bestBreak(rest.slice(0, pageLength))
    pages.push(rest.slice(0, end).trim())
    rest = rest.slice(end).trim()
  }
  return [...pages, rest]
}

// From the best place to break to the worst: before a heading, at a blank line, a line end, between words.
const breaks = [/\n(?=#{1,6} )/g, /\n[ \t]*\n/g, /\n/g, /\s/g]

const bestBreak = (page: string): number => {
  for (const place of breaks) {
    const last = Array.from(page.matchAll(place)).at(-1)?.index ?? 0
    if (last >= page.length / 2) return last
  }
  // Never between the two halves of a surrogate pair.
  return /[\uD800-\uDBFF]$/.test(page) ? page.length - 1 : page.length
}
