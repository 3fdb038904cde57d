/**
 * PDF pages as text: paragraphs put together from the pieces a PDF draws, tables as Markdown tables, larger print as headings.
 * Lengths are in points, places counted from the lower left corner of the page.
 */
import { isContentsLine } from "./passages.ts"

/** A piece of text as the file draws it, or several on one base line with no wide gap between them. */
interface Run {
  readonly text: string
  readonly x: number
  readonly right: number
  readonly y: number
  /** Size and font of the print; of its longest piece, if it has several. */
  readonly size: number
  readonly font: string
}

/** Runs drawn one below the other: a paragraph, or what a cell of a table holds. */
type Cell = readonly [first: Run, ...below: ReadonlyArray<Run>]

/** Cells whose first lines stand side by side: one cell in running text, more in a table. */
type Row = readonly [first: Cell, ...others: ReadonlyArray<Cell>]

/** The text of each page. Rejects as PDF.js does for what is not a PDF, is damaged, or asks for a password. */
export const readPdf = async (content: Uint8Array): Promise<ReadonlyArray<string>> => {
  // Loaded here so that who has only text documents does not pay for PDF.js.
  const { getDocumentProxy } = await import("unpdf")
  // PDF.js keeps the bytes it is given, and takes no Buffer: hence a copy. Verbosity 0: no console output.
  const pdf = await getDocumentProxy(new Uint8Array(content), { verbosity: 0 })
  try {
    const pages: Array<ReadonlyArray<Row>> = []
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number)
      const { items } = await page.getTextContent()
      const pieces = items.flatMap((item) => ("str" in item && item.str.trim() !== "" ? [pieceOf(item)] : []))
      pages.push(joinAdjacent(joinAdjacent(joinPieces(pieces), isBelow), isBeside))
      page.cleanup()
    }
    const texts = withoutRunningRows(pages)
    const body = bodySize(texts.flat(2))
    return texts.map((rows) => render(rows, body))
  } finally {
    await pdf.loadingTask.destroy()
  }
}

const pieceOf = (item: {
  readonly str: string
  readonly transform: ReadonlyArray<number>
  readonly width: number
  readonly height: number
  readonly fontName: string
}): Run => {
  const [a = 0, b = 0, , , x = 0, y = 0] = item.transform
  // The letters of a ligature are letters; soft hyphens and the width of spaces say nothing here.
  const letters = item.str
    .replace(/[\uFB00-\uFB06]/g, (ligature) => ligature.normalize("NFKC"))
    .replaceAll("\u00AD", "")
  const text = letters.replace(/\s+/g, " ")
  return { text, x, right: x + item.width, y, size: item.height || Math.hypot(a, b) || 1, font: item.fontName }
}

/** Joins what the file draws in sequence on one base line. Its order keeps columns of prose, and the cells of a table, apart. */
const joinPieces = (pieces: ReadonlyArray<Run>): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  let longest = 0
  for (const piece of pieces) {
    const run = runs.at(-1)
    if (run === undefined || !continues(run, piece)) {
      runs.push(piece)
      longest = piece.text.length
      continue
    }
    const isApart = piece.x - run.right > 0.15 * piece.size && !run.text.endsWith(" ") && !piece.text.startsWith(" ")
    const print = piece.text.length > longest ? piece : run
    longest = Math.max(longest, piece.text.length)
    runs[runs.length - 1] = {
      ...run,
      text: run.text + (isApart ? " " : "") + piece.text,
      right: piece.right,
      size: print.size,
      font: print.font
    }
  }
  return runs.map((run) => ({ ...run, text: run.text.trim() }))
}

/** A bullet or number, after which a wide gap divides nothing. */
const listMark = /^(?:[•▪●◦‣–*-]|\(?\w{1,3}[.)])\s*$/

const continues = (run: Run, piece: Run): boolean => {
  const size = Math.max(run.size, piece.size)
  const gap = piece.x - run.right
  return Math.abs(run.y - piece.y) < 0.5 * size && gap > -size && (gap < 1.5 * size || listMark.test(run.text))
}

/** Groups what stands in sequence, as long as each item goes with the group before it. */
const joinAdjacent = <A>(
  items: ReadonlyArray<A>,
  belongs: (group: readonly [A, ...Array<A>], item: A, next: A | undefined) => boolean
): ReadonlyArray<readonly [A, ...Array<A>]> => {
  const groups: Array<[A, ...Array<A>]> = []
  for (const [index, item] of items.entries()) {
    const group = groups.at(-1)
    if (group !== undefined && belongs(group, item, items[index + 1])) group.push(item)
    else groups.push([item])
  }
  return groups
}

const lastOf = <A>(group: readonly [A, ...ReadonlyArray<A>]): A => group.at(-1) ?? group[0]

/** A run with another one to its right begins a row of its own, however close it is to what stands above. */
const isBelow = (cell: Cell, run: Run, next: Run | undefined): boolean => {
  const above = lastOf(cell)
  return (
    Math.abs(above.x - run.x) < 0.5 * run.size &&
    isClose(above, run) &&
    !(next !== undefined && isBeside([[run]], [next]))
  )
}

/** Whether two lines of the same print are no more apart than lines of one paragraph. */
const isClose = (above: Run, run: Run): boolean => {
  const leading = above.y - run.y
  return leading > 0 && leading < 1.6 * run.size && Math.abs(above.size - run.size) < 0.15 * run.size
}

const isBeside = (row: Row, [run]: Cell): boolean => {
  const left = Math.max(...lastOf(row).map((line) => line.right))
  return Math.abs(row[0][0].y - run.y) < 0.5 * run.size && run.x > left
}

const textOf = (cell: Cell): string => unhyphenated(cell.map((run) => run.text).join("\n")).replaceAll("\n", " ")

/** A word that was cut at a line's end is one word again. */
const unhyphenated = (text: string): string => text.replace(/(\p{L})-\n(?=\p{Ll})/gu, "$1")

/** The size most of the text is printed in. */
const bodySize = (cells: ReadonlyArray<Cell>): number => {
  const letters = new Map<number, number>()
  for (const { size, text } of cells.flat()) {
    const rounded = Math.round(size * 2) / 2
    letters.set(rounded, (letters.get(rounded) ?? 0) + text.length)
  }
  return Array.from(letters).reduce((best, entry) => (entry[1] > best[1] ? entry : best), [0, 0])[0]
}

/** Takes out the headers and footers that run through the document; the first page keeps them, since they may name what it is. */
const withoutRunningRows = (pages: ReadonlyArray<ReadonlyArray<Row>>): ReadonlyArray<ReadonlyArray<Row>> => {
  const key = (row: Row) => `${Math.round(row[0][0].y)} ${row.map(textOf).join(" ").replace(/\d+/g, "#")}`
  const counts = new Map<string, number>()
  for (const rows of pages) {
    for (const row of new Set(rows.map(key))) counts.set(row, (counts.get(row) ?? 0) + 1)
  }
  const isRunning = (row: Row) => (counts.get(key(row)) ?? 0) > Math.max(2, pages.length / 2)
  return pages.map((rows, index) => (index === 0 ? rows : rows.filter((row) => !isRunning(row))))
}

const render = (rows: ReadonlyArray<Row>, body: number): string => {
  const blocks = joinAdjacent(rows, (group, row) =>
    isHeading(group[0], body)
      ? isHeading(row, body) && isClose(lastOf(lastOf(group)[0]), row[0][0])
      : row.length > 1 && group[0].length > 1
  )
  const parts = blocks.map((block, index) => {
    const above = blocks[index - 1]
    const isApart = above !== undefined && !isClose(lastOf(lastOf(lastOf(above))), block[0][0][0])
    return (isApart ? "\n" : "") + renderBlock(block, body)
  })
  return unhyphenated(parts.join("\n"))
    .replace(/\n{3,}/g, "\n\n")
    .trim()
}

const renderBlock = (rows: readonly [Row, ...ReadonlyArray<Row>], body: number): string => {
  const [[cell, ...others]] = rows
  if (isHeading(rows[0], body)) return `\n## ${rows.map(([cell]) => textOf(cell)).join(" ")}\n`
  if (others.length === 0) return cell.map((run) => run.text.replace(/^#/, "\\#")).join("\n")
  if (isProse(rows)) return [0, 1].map((column) => rows.map((row) => textOf(row[column] ?? cell)).join("\n")).join("\n")
  return renderTable(rows)
}

const isHeading = ([cell, ...others]: Row, body: number): boolean => {
  const text = textOf(cell)
  return (
    others.length === 0 &&
    cell[0].size > 1.12 * body &&
    text.length <= 120 &&
    /\p{L}{2}/u.test(text) &&
    !isContentsLine(text)
  )
}

/** Two columns of prose that the file draws line by line. */
const isProse = (rows: ReadonlyArray<Row>): boolean =>
  rows.length > 3 && rows.every((row) => row.length === 2 && row.map(textOf).join("").length > 50)

const renderTable = (rows: readonly [Row, ...ReadonlyArray<Row>]): string => {
  const [header, ...body] = rows
  if (!isHeader(header, body)) return rows.map((row) => rowOf(row.map(textOf))).join("\n")
  const columns = columnsOf(header, body)
  const [names = "", ...lines] = rows.map((row) => rowOf(columns.map((_, column) => cellsIn(columns, row, column))))
  return [names, rowOf(columns.map(() => "---")), ...lines].join("\n")
}

/** Whether a table's first row names its columns: it is set in another font, or there are three names or more and no number in them. */
const isHeader = (header: Row, body: ReadonlyArray<Row>): boolean => {
  const next = body[0]
  if (next === undefined) return false
  const isSetApart = header.every(([run]) => run.font !== lastOf(next)[0].font)
  return isSetApart || (Math.max(header.length, next.length) > 2 && !header.some((cell) => /\d/.test(textOf(cell))))
}

/** A table's columns: the cells of its header, and before them that of the row labels if the header has no name for it. */
const columnsOf = (header: Row, body: ReadonlyArray<Row>): Row => {
  const label = body.find(([cell]) => cell[0].right < header[0][0].x)
  return label === undefined ? header : [label[0], ...header]
}

const rowOf = (cells: ReadonlyArray<string>): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`

/** The text of a row in one column: its cells in order if they are as many as the columns, else those nearest to the column. */
const cellsIn = (columns: Row, row: Row, column: number): string => {
  const cells =
    row.length === columns.length
      ? row.slice(column, column + 1)
      : row.filter((cell) => nearest(columns, cell) === column)
  return cells.map(textOf).join(" ")
}

const nearest = (columns: Row, [run]: Cell): number => {
  const distances = columns.map(([column]) => Math.min(Math.abs(column.x - run.x), Math.abs(column.right - run.right)))
  return distances.indexOf(Math.min(...distances))
}
