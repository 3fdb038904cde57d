/**
 * Passages: what is searched and cited. One is about a clause long, and knows the headings that it stands under.
 */

/** A piece of a page. Its text is plain: one line for a sentence run, a list item (`- …`) or a table row (cells between ` | `). */
export interface Passage {
  readonly text: string
  /** The headings it stands under, the outermost first. */
  readonly headings: ReadonlyArray<string>
}

/** A page, taken apart. */
export interface PageContent {
  readonly text: string
  /** The headings on the page, and before them the one still in force from the page before. */
  readonly sectionHeaders: ReadonlyArray<string>
  readonly passages: ReadonlyArray<Passage>
}

interface Heading {
  readonly level: number
  readonly title: string
}

type Block = Heading | string

/** How long a passage grows by taking in the next block under the same heading, and how long it may be at most, in characters. */
const comfortable = 600
const longest = 1200

/**
 * Takes the pages of one document apart, carrying headings over from page to page. `isMarkdown` says that only `#` lines are
 * headings; otherwise numbered and all-capital lines are taken for them too.
 */
export const readPages = (pages: ReadonlyArray<string>, isMarkdown: boolean): ReadonlyArray<PageContent> => {
  const blocks = pages.map((page) => blocksOf(page, isMarkdown))
  const [opening, ...others] = blocks.flat()
  // A title above the whole document tells nothing of any part of it.
  const title = levelOf(opening) === 1 && others.every((block) => levelOf(block) !== 1) ? opening : undefined
  let path: ReadonlyArray<Heading> = []
  // A heading with nothing under it is text of its own, but that shows only at the next heading, maybe pages later.
  let bare: (() => void) | undefined
  const contents = pages.map((text, index) => {
    const carried = path.at(-1)
    const headers = carried === undefined ? [] : [carried.title]
    const passages: Array<Passage> = []
    const titles = () => path.filter((heading) => heading !== title).map((heading) => heading.title)
    let open = ""
    const close = () => {
      if (open !== "") passages.push({ text: open, headings: titles() })
      open = ""
    }
    for (const block of blocks[index] ?? []) {
      if (typeof block === "string") {
        bare = undefined
        if (open.length + block.length > comfortable) close()
        open = open === "" ? block : `${open}\n${block}`
        continue
      }
      close()
      if (block.level <= (path.at(-1)?.level ?? 0)) bare?.()
      path = path.filter((heading) => heading.level < block.level)
      const alone = { text: block.title, headings: titles() }
      bare = () => passages.push(alone)
      path = [...path, block]
      headers.push(block.title)
    }
    close()
    return { text, sectionHeaders: Array.from(new Set(headers)), passages }
  })
  bare?.()
  return contents
}

const levelOf = (block: Block | undefined): number | undefined => (typeof block === "object" ? block.level : undefined)

/** A line of a table of contents, with dots that lead to a page number. It names a passage, it is none. */
export const isContentsLine = (line: string): boolean => /(?:\.\s?){5,}[\divxlc]*\s*\|?$/i.test(line.slice(-40))

const listItem = /^\s*(?:[-*+•▪●◦‣·–]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)])\s+(?=\S)/
const tableRow = /^\s*\|.*\|\s*$/
const tableRule = /^[\s|:-]+$/

const blocksOf = (page: string, isMarkdown: boolean): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let lines: Array<string> = []
  const close = () => {
    const first = lines[0]
    if (first === undefined) return
    if (tableRow.test(first)) blocks.push(...readTable(lines, isMarkdown))
    else blocks.push(...splitLong(plain(joinLines(lines), isMarkdown)))
    lines = []
  }
  for (const line of page.split("\n")) {
    if (isContentsLine(line)) continue
    const heading = headingOf(line, isMarkdown) ?? underlined(lines, line)
    if (heading !== undefined) {
      if (lines[0] !== heading.title) close()
      lines = []
      blocks.push(heading)
    } else if (line.trim() === "" || /^\s*(?:[-*_=]\s*){3,}$/.test(line)) {
      close()
    } else {
      const previous = lines.at(-1)
      if (listItem.test(line) || (previous !== undefined && tableRow.test(line) !== tableRow.test(previous))) close()
      lines.push(line)
    }
  }
  close()
  return blocks
}

const headingOf = (line: string, isMarkdown: boolean): Heading | undefined => {
  const marked = /^ {0,3}(#{1,6})\s+(.*?)[\s#]*$/.exec(line)
  if (marked?.[1] !== undefined && marked[2]) return { level: marked[1].length, title: plain(marked[2], isMarkdown) }
  if (isMarkdown) return undefined
  const title = line.trim().replace(/:$/, "")
  // A heading is short and neither ends like a sentence nor, as a line of a table of contents does, with a page number.
  if (title.length > 80 || title.split(/\s+/).length > 12 || /[.,;|]$|\s\d+$/.test(title)) return undefined
  if (/\p{Lu}{3}/u.test(title) && !/\p{Ll}/u.test(title) && !/[$%|]/.test(title)) return { level: 2, title }
  const numbered =
    /^(?:(?:section|article|part|chapter|appendix|schedule)\s+[\dIVXA-Z]+\b|(\d+(?:\.\d+)*)\.?|[IVX]+\.)[\s:.–-]+\p{Lu}/iu.exec(
      title
    )
  if (numbered === null || !/\s\p{Lu}/u.test(title) || /[.!?]\s/.test(title.replace(/^\S+\s/, ""))) return undefined
  return { level: 2 + (numbered[1]?.split(".").length ?? 1), title }
}

/** The heading that a line of `=` or `-` makes of the single line above it. */
const underlined = ([title, ...more]: ReadonlyArray<string>, line: string): Heading | undefined =>
  title !== undefined &&
  more.length === 0 &&
  /^(?:={3,}|-{3,})\s*$/.test(line) &&
  !tableRow.test(title) &&
  !listItem.test(title)
    ? { level: line.startsWith("=") ? 1 : 2, title }
    : undefined

const joinLines = (lines: ReadonlyArray<string>): string => {
  const text = lines.map((line) => line.trim()).join(" ")
  return text.replace(listItem, "- ")
}

/** The text without its inline Markdown. In other text only what readPdf escapes is Markdown. */
const plain = (text: string, isMarkdown: boolean): string => {
  if (!isMarkdown)
    return text
      .replace(/\\([#|])/g, "$1")
      .replace(/\s+/g, " ")
      .trim()
  return text
    .replace(/!?\[([^[\]]*)\]\([^()]*\)/g, "$1")
    .replace(/(\*\*|__)(?=\S)(.*?\S)\1/g, "$2")
    .replace(/(?<![\p{L}\d*])\*(?=\S)([^*]*\S)\*(?![\p{L}\d*])/gu, "$1")
    .replace(/`([^`]+)`/g, "$1")
    .replace(/<br\s*\/?>/gi, " ")
    .replace(/\\([\\`*_{}[\]()#+.!|-])/g, "$1")
    .replace(/\s+/g, " ")
    .trim()
}

/** Cuts a paragraph that is too long between sentences, or failing that between words. */
const splitLong = (text: string): ReadonlyArray<string> => {
  if (text.length <= longest) return text === "" ? [] : [text]
  const head = text.slice(0, longest)
  const sentence = head.search(/[.;:!?]["”')\]]?\s(?!.*[.;:!?]["”')\]]?\s)/)
  const end = sentence > longest / 3 ? sentence + 2 : Math.max(head.lastIndexOf(" "), longest / 2)
  return [text.slice(0, end).trim(), ...splitLong(text.slice(end).trim())]
}

/** A table as one line a row, each cell under its own heading, so that a row can be found, read and cited without the rest. */
const readTable = (lines: ReadonlyArray<string>, isMarkdown: boolean): ReadonlyArray<string> => {
  const rows = lines.filter((line) => !tableRule.test(line)).map((line) => cellsOf(line, isMarkdown))
  const [header, ...body] = rows
  if (header === undefined) return []
  const hasHeader = tableRule.test(lines[1] ?? "")
  return (hasHeader ? body : rows).map((row) => {
    const cells = row.map((cell, column) => {
      const name = hasHeader ? (header[column] ?? "") : ""
      if (cell === "" || name === "") return cell
      if (column > 0) return `${name}: ${cell}`
      return /\p{L}{2}/u.test(cell) ? cell : `${name} ${cell}`
    })
    return cells.filter((cell) => cell !== "").join(" | ")
  })
}

const cellsOf = (line: string, isMarkdown: boolean): ReadonlyArray<string> =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => plain(cell, isMarkdown))
