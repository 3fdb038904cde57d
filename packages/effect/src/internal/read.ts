/**
 * Reads JSON of the contract field by field: checks and converts in one pass, and names the field that is wrong.
 *
 * Written by hand for two measurements: a streamed message is read in 0.1 µs, by a compiled schema in 0.5 µs and an
 * interpreted one in 1.1 µs; and a program that calls the service does without `effect/Schema`, 13 kB of it. The public
 * schemas say the same, and a test holds the two to each other.
 */
import { isTimestamp, parseTimestamp } from "./timestamp.ts"

/** Why a value could not be read. Thrown inside a reader, caught where the response is known. */
export class Unreadable {
  /** The field, as on the wire: `messages[3].timestamp`; empty for the whole. */
  readonly field: string
  readonly expected: string
  constructor(field: string, expected: string) {
    this.field = field
    this.expected = expected
  }
  toString(): string {
    return `${this.field || "the body"}: expected ${this.expected}`
  }
}

/** The fields of an object, with whatever in them. */
export interface Fields {
  readonly [name: string]: unknown
}

export const object = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : unreadable("", "an object")

export const string = (value: unknown, field: string): string =>
  typeof value === "string" ? value : unreadable(field, "a string")

export const number = (value: unknown, field: string): number =>
  // JSON can write numbers too large for any: they are read as infinite.
  Number.isFinite(value) ? (value as number) : unreadable(field, "a finite number")

export const integer = (value: unknown, field: string): number =>
  Number.isSafeInteger(value) ? (value as number) : unreadable(field, "an integer")

export const date = (value: unknown, field: string): Date =>
  isTimestamp(value)
    ? new Date(parseTimestamp(value))
    : unreadable(field, "an ISO 8601 datetime such as 2024-09-25T19:12:20Z")

/** A value that may be missing or null. */
export const nullable = <A>(value: unknown, field: string, read: (value: unknown, field: string) => A): A | null =>
  value === undefined || value === null ? null : read(value, field)

export const boolean = (value: unknown, field: string): boolean =>
  typeof value === "boolean" ? value : unreadable(field, "a boolean")

/** A list that may be missing or null. */
export const list = <A>(value: unknown, field: string, read: (item: unknown) => A): ReadonlyArray<A> => {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return unreadable(field, "a list")
  if (value.length === 0) return value
  let index = 0
  try {
    const items: Array<A> = []
    for (; index < value.length; index++) items.push(read(value[index]))
    return items
  } catch (error) {
    throw within(error, `${field}[${index}]`)
  }
}

export const strings = (value: unknown, field: string): ReadonlyArray<string> =>
  list(value, field, (item) => string(item, ""))

export const anything = (value: unknown, field: string): ReadonlyArray<unknown> => list(value, field, (item) => item)

/** An object that may be missing or null. */
export const nested = <A>(value: unknown, field: string, read: (fields: Fields) => A): A | null => {
  if (value === undefined || value === null) return null
  try {
    return read(object(value))
  } catch (error) {
    throw within(error, field)
  }
}

const unreadable = (field: string, expected: string): never => {
  throw new Unreadable(field, expected)
}

const within = (error: unknown, field: string): unknown =>
  error instanceof Unreadable ? new Unreadable(error.field ? `${field}.${error.field}` : field, error.expected) : error
