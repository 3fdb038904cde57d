/**
 * The service writes datetimes in four spellings (`T` or a space, with or without fraction and offset), all UTC where
 * no offset is given. `Date.parse` reads some of them as local time and refuses others, depending on the engine.
 */

/** Milliseconds since the epoch, or `NaN` where `text` is no ISO 8601 date or datetime. Finer digits are cut off. */
export const parseTimestamp = (text: string): number => {
  // A timestamp is read to be checked and again to be converted, and the pieces of one answer often share it.
  if (text !== lastText) {
    lastMillis = parse(text)
    lastText = text
  }
  return lastMillis
}

let lastText = ""
let lastMillis = NaN

/** Whether a value is a text that {@link parseTimestamp} reads. */
export const isTimestamp = (input: unknown): input is string =>
  typeof input === "string" && !Number.isNaN(parseTimestamp(input))

const parse = (text: string): number => {
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  if (!isAt(text, 4, "-") || !isAt(text, 7, "-") || !(month >= 1 && month <= 12)) return NaN
  if (!(day >= 1 && day <= daysInMonth(year, month))) return NaN
  if (text.length === 10) return utc(year, month, day, 0, 0, 0, 0)

  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  if (!(isAt(text, 10, "T") || isAt(text, 10, " ") || isAt(text, 10, "t")) || !isAt(text, 13, ":")) return NaN
  if (!(hour <= 23 && minute <= 59)) return NaN

  let at = 16
  let second = 0
  let millisecond = 0
  if (isAt(text, at, ":")) {
    second = digits(text, at + 1, 2)
    if (!(second <= 59)) return NaN
    at += 3
    if (isAt(text, at, ".")) {
      const start = at + 1
      for (let scale = 100; isDigit(text, at + 1); at++, scale = Math.trunc(scale / 10)) {
        millisecond += (text.charCodeAt(at + 1) - 48) * scale
      }
      at++
      if (at === start) return NaN
    }
  }
  const offset = parseOffset(text, at)
  return utc(year, month, day, hour, minute, second, millisecond) - offset * 60_000
}

const parseOffset = (text: string, at: number): number => {
  if (at === text.length) return 0
  if ((isAt(text, at, "Z") || isAt(text, at, "z")) && at + 1 === text.length) return 0
  if (!isAt(text, at, "+") && !isAt(text, at, "-")) return NaN
  const colon = isAt(text, at + 3, ":") ? 1 : 0
  const hours = digits(text, at + 1, 2)
  const minutes = text.length === at + 3 ? 0 : digits(text, at + 3 + colon, 2)
  if (!(hours <= 23 && minutes <= 59) || text.length > at + 5 + colon) return NaN
  return isAt(text, at, "-") ? -(hours * 60 + minutes) : hours * 60 + minutes
}

const isAt = (text: string, at: number, character: string): boolean => text.charCodeAt(at) === character.charCodeAt(0)

const isDigit = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at)
  return code >= 48 && code <= 57
}

const digits = (text: string, at: number, count: number): number => {
  let value = 0
  for (let i = at; i < at + count; i++) {
    if (!isDigit(text, i)) return NaN
    value = value * 10 + text.charCodeAt(i) - 48
  }
  return value
}

const daysInMonth = (year: number, month: number): number =>
  month === 2
    ? (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
      ? 29
      : 28
    : month === 4 || month === 6 || month === 9 || month === 11
      ? 30
      : 31

/** `Date.UTC` takes the years 0 to 99 for 1900 to 1999; the calendar repeats itself every 400 years. */
const utc = (year: number, month: number, day: number, h: number, m: number, s: number, ms: number): number =>
  Date.UTC(year + 400, month - 1, day, h, m, s, ms) - 146_097 * 86_400_000
