/**
 * What was measured, as Markdown that is also readable in a terminal.
 */
import type { Spread } from "./spread.ts"

/** The results of one group. */
export interface Section {
  readonly title: string
  /** What is measured, and how. */
  readonly about: string
  readonly tables: ReadonlyArray<Table>
  /** Tables to look into a result with, printed on request only. */
  readonly details?: ReadonlyArray<Table>
}

export interface Table {
  readonly caption: string
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

export const formatSection = ({ about, tables, title }: Section): string =>
  [`## ${title}`, about, ...tables.map(formatTable)].join("\n\n")

export const formatTable = ({ caption, columns, rows }: Table): string => {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]!.length)))
  const pad = (cell: string, i: number) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))
  const line = (row: ReadonlyArray<string>) => `| ${row.map(pad).join(" | ")} |`
  const rule = widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`))
  return [`**${caption}**`, "", line(columns), line(rule), ...rows.map(line)].join("\n")
}

/** `1.42 (1.38–1.51)`: the median, and what half of the rounds lie between. */
export const formatSpread = ({ lower, median, upper }: Spread): string =>
  `${median.toFixed(2)} (${lower.toFixed(2)}–${upper.toFixed(2)})`

/** What a value has to be, and whether it is. */
export const atMost = (value: number, limit: number, digits = 2): string =>
  `≤ ${limit.toFixed(digits)} ${value <= limit ? "✓" : "✗"}`

/** What a value has to be, and whether it is. */
export const atLeast = (value: number, limit: number, digits = 2): string =>
  `≥ ${limit.toFixed(digits)} ${value >= limit ? "✓" : "✗"}`
