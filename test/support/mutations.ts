/**
 * Random changes of valid responses, for tests that nothing a service sends surprises the SDK.
 */
import type { Prng } from "./prng.ts"

/** A response that is being changed. */
export interface Draft {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly body: Buffer
  /** Whether the body ends by an error of the connection. */
  readonly isBroken: boolean
  /** Whether no more than JSON values were changed: the body still has its form. */
  readonly isWellFormed: boolean
}

/** A response as the service sends it. */
export const draft = (body: string, contentType: string): Draft => ({
  status: 200,
  headers: { "content-type": contentType },
  body: Buffer.from(body),
  isBroken: false,
  isWellFormed: true
})

/** Changes a response once to three times. */
export const mutate = (random: Prng, original: Draft): Draft => {
  let changed = original
  for (let times = 1 + random.below(3); times > 0; times--) changed = random.pick(changes)(random, changed)
  return changed
}

/** A body cut into pieces, wherever that falls. */
export const cut = (random: Prng, body: Buffer): Array<Buffer> => {
  const cuts = Array.from({ length: random.below(6) }, () => random.below(body.length + 1)).sort((a, b) => a - b)
  return [0, ...cuts].map((start, i) => body.subarray(start, cuts[i]))
}

type Change = (random: Prng, draft: Draft) => Draft

const changeJson: Change = (random, { body, ...rest }) => {
  const documents = body.toString().split(/(?<=\n)/)
  const at = random.below(documents.length)
  const [, before = "", json = "", after = ""] = /^((?:data: )?)(.*?)(\n*)$/s.exec(documents[at]!) ?? []
  try {
    documents[at] = before + JSON.stringify(changeValue(random, JSON.parse(json), 0)) + after
  } catch {
    // No JSON, or no longer any: it is one of the other changes' turn.
    return random.pick(changes)(random, { body, ...rest })
  }
  return { ...rest, body: Buffer.from(documents.join("")) }
}

const changeBytes: Change = (random, { body, ...rest }) => {
  const start = random.below(body.length + 1)
  const end = Math.min(body.length, start + random.below(random.pick([2, 20, 2000])))
  const middle = random.pick([
    () => random.bytes(end - start),
    () => random.bytes(1 + random.below(8)),
    () => Buffer.alloc(0),
    () => Buffer.concat([body.subarray(start, end), body.subarray(start, end)]),
    () => Buffer.from(random.pick(fragments)),
    () => Buffer.concat([body.subarray(start, end), Buffer.from(random.pick(fragments))])
  ])()
  return { ...rest, isWellFormed: false, body: Buffer.concat([body.subarray(0, start), middle, body.subarray(end)]) }
}

const truncate: Change = (random, { body, ...rest }) => ({
  ...rest,
  isWellFormed: false,
  body: body.subarray(0, random.below(body.length + 1))
})

const changeLines: Change = (random, { body, ...rest }) => {
  const lines = body.toString().split("\n")
  const at = random.below(lines.length)
  const line = lines[at]!
  const instead = random.pick<ReadonlyArray<string>>([
    [],
    [line, line],
    [random.pick(eventLines)],
    [random.pick(eventLines), line],
    [line, ""],
    [line.replace("data:", random.pick(["data", "DATA:", "data :", " data:", "event:", "dataa:", ":", ""]))],
    [line.slice(0, line.length / 2), `data: ${line.slice(line.length / 2)}`],
    lines.slice(random.below(lines.length))
  ])
  lines.splice(at, 1, ...instead)
  return { ...rest, isWellFormed: false, body: Buffer.from(lines.join(random.pick(["\n", "\n", "\r", "\r\n"]))) }
}

const changeStatus: Change = (random, draft) => ({
  ...draft,
  status: random.pick([200, 201, 204, 205, 206, 301, 302, 304, 307, 400, 401, 404, 422, 429, 500, 503])
})

const anyStatus: Change = (random, draft) => ({ ...draft, status: 200 + random.below(400) })

const changeHeader: Change = (random, draft) => {
  const name = random.pick(Object.keys(headerValues))
  const value = random.chance(0.2) ? random.bytes(20).toString("latin1") : random.pick(headerValues[name]!)
  // What a header cannot carry does not arrive.
  return { ...draft, headers: { ...draft.headers, [name]: value.replace(/[^\x20-\x7e\x80-\xff]/g, "") } }
}

const changeContentType: Change = (random, draft) => ({
  ...draft,
  headers: { ...draft.headers, "content-type": random.pick(contentTypes) }
})

const breakOff: Change = (_, draft) => ({ ...draft, isBroken: true })

const changes: ReadonlyArray<Change> = [
  ...Array(6).fill(changeJson),
  ...Array(3).fill(changeBytes),
  truncate,
  changeLines,
  changeLines,
  changeStatus,
  anyStatus,
  changeHeader,
  changeHeader,
  changeContentType,
  breakOff
]

const changeValue = (random: Prng, value: unknown, depth: number): unknown => {
  if (typeof value !== "object" || value === null || random.chance(depth === 0 ? 0.05 : 0.3)) return anyValue(random)
  const keys = Object.keys(value)
  const key = random.pick(keys)
  if (Array.isArray(value)) {
    if (keys.length === 0) return [anyValue(random)]
    const at = Number(key)
    const instead = [[], [value[at], value[at]], [changeValue(random, value[at], depth + 1)]]
    return value.toSpliced(at, 1, ...random.pick(instead))
  }
  const fields = Object.entries(value).filter(([name]) => name !== key || random.chance(0.8))
  const changed = fields.map(([name, field]) => {
    if (name !== key) return [name, field]
    return random.chance(0.1) ? [random.pick(fieldNames), field] : [name, changeValue(random, field, depth + 1)]
  })
  if (random.chance(0.1)) changed.push([random.pick(fieldNames), anyValue(random)])
  return Object.fromEntries(changed)
}

const anyValue = (random: Prng): unknown =>
  random.pick<() => unknown>([
    () => random.pick(values),
    () => random.pick(timestamps),
    () => random.bytes(random.below(40)).toString(random.pick(["latin1", "utf8", "utf16le"])),
    () => random.next() * 10 ** random.below(30),
    () => nested(random.pick([2, 30, 300]))
  ])()

const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (; depth > 0; depth--) value = depth % 2 === 0 ? [value] : { detail: value }
  return value
}

const values = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  0.5,
  2 ** 53,
  1e308,
  5e-324,
  "",
  "x",
  "\ud800",
  "\u0000",
  [],
  {},
  [[]],
  [null]
]

const timestamps = [
  "2024-09-25",
  "2024-02-30T00:00:00Z",
  "0000-01-01T00:00",
  "2024-09-25t19:12:20z",
  "2024-09-25T24:00Z"
]

const fieldNames = ["text", "error", "detail", "messages", "page_nr", "__proto__", "constructor", "toJSON", "then", ""]

const fragments = [
  "\ufeff",
  "\u0000",
  "\r",
  "\n\n",
  "data: ",
  "[DONE]",
  "}",
  '"',
  "[".repeat(20_000),
  "1e999",
  "NaN",
  "\u2028",
  ","
]

const eventLines = [
  "data: [DONE]",
  "data",
  "data:",
  "event: error",
  "event: ping",
  "id: 7",
  "retry: 1",
  ":",
  ": comment",
  "\ufeff",
  ""
]

const contentTypes = [
  "",
  "text/html",
  "text/event-stream",
  "TEXT/EVENT-STREAM; charset=utf-16",
  "application/x-ndjson",
  "application/json",
  "application/json-seq",
  "application/json;;;",
  "/",
  "multipart/form-data"
]

const headerValues: { readonly [name: string]: ReadonlyArray<string> } = {
  "retry-after": ["1", "0", "-1", "1e9", "99999999999999999999", "Wed, 21 Oct 2015 07:28:00 GMT", "Wednesday", ""],
  "x-request-id": ["", "x".repeat(5000), "r-1, r-2"],
  date: ["", "yesterday", "Wed, 21 Oct 2015 07:28:00 GMT", "Sat, 13 Sep 275760 00:00:00 GMT"],
  "content-length": ["0", "-1", "1", "99999999999999999999", "5, 6", "ten"],
  location: ["", "/", "?", "//", "http://", "https://elsewhere.example/", "http://localhost/chat", "javascript:1", "%"],
  vary: ["*"]
}
