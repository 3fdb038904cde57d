/**
 * Where a walk through the logs is: what to ask for to go on behind a row.
 */
import { parseTimestamp } from "./timestamp.ts"

export interface Cursor {
  /** The end of the walked range. */
  readonly end: string | undefined
  /** How many rows of the range come before the row. */
  readonly skip: number
  /** The row. */
  readonly id: string
}

export const printCursor = ({ end = "", id, skip }: Cursor): string => `${end}|${skip}|${id}`

/** The cursor, or `undefined` where the text is none. */
export const parseCursor = (text: unknown): Cursor | undefined => {
  const [, end, skip, id] = (typeof text === "string" && /^([^|]*)\|(\d{1,15})\|(.+)$/s.exec(text)) || []
  if (end === undefined || skip === undefined || id === undefined) return undefined
  if (end !== "" && Number.isNaN(parseTimestamp(end))) return undefined
  return { end: end === "" ? undefined : end, skip: Number(skip), id }
}
