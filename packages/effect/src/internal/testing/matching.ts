/**
 * Which recorded request a request is.
 */
import * as Predicate from "effect/Predicate"
import { parseJson } from "../parseJson.ts"

/** A request as far as it counts: the path with its query, and the body's text, empty where there is none. */
export interface RequestText {
  readonly method: string
  readonly path: string
  readonly body: string
}

/** A recorded request, and the fields that another one differs in. */
export interface Match<A> {
  readonly recorded: A
  readonly differences: ReadonlyArray<Difference>
}

export interface Difference {
  /** `method`, `path`, `query.limit`, `body.chat_id`, or `body` where that is no JSON object. */
  readonly field: string
  readonly recorded: string | undefined
  readonly asked: string | undefined
}

/** Compares a request with recorded ones, and puts those first that are nearest to it. */
export const matchesOf = <A extends { readonly request: RequestText }>(
  asked: RequestText,
  all: Iterable<A>
): ReadonlyArray<Match<A>> =>
  Array.from(all, (recorded) => ({ recorded, differences: compare(fieldsOf(recorded.request), fieldsOf(asked)) })).sort(
    (a, b) => a.differences.length - b.differences.length
  )

type Fields = ReadonlyMap<string, string>

const compare = (recorded: Fields, asked: Fields): ReadonlyArray<Difference> =>
  Array.from(new Set([...recorded.keys(), ...asked.keys()]), (field) => ({
    field,
    recorded: recorded.get(field),
    asked: asked.get(field)
  })).filter((difference) => difference.recorded !== difference.asked)

const fieldsOf = ({ body, method, path }: RequestText): Fields => {
  const { pathname, searchParams: query } = new URL(`http://any${path}`)
  const fields = new Map([
    ["method", method],
    ["path", pathname]
  ])
  for (const name of query.keys()) fields.set(`query.${name}`, query.getAll(name).join())
  const json = parseJson(body)
  if (!Predicate.isObject(json)) return fields.set("body", body)
  for (const [name, value] of Object.entries(json)) fields.set(`body.${name}`, JSON.stringify(value))
  return fields
}
