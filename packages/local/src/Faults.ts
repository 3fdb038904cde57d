/**
 * Faults that the service makes when it is told to, so that a program's own tests can rehearse failure.
 *
 * @example
 * ```ts
 * import { type FaultRule, LocalServer } from "@weavai/local"
 *
 * const faults: ReadonlyArray<FaultRule> = [
 *   { latency: "50 millis", upTo: "1 second" },
 *   { on: "chat", times: 2, status: 503, retryAfter: "1 second" },
 *   { on: ["getChatLogs", "getChatHistory"], probability: 0.1, stall: "beforeHeaders" },
 *   { probability: 0.1, cut: { afterPieces: 3 } }
 * ]
 * const Unreliable = LocalServer.layer({ port: 0, documents: ["./policies"], faults, faultSeed: 7 })
 * ```
 */
import type { Operation } from "@weavai/effect"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"

/** A rule that cannot be followed: `message` says what is wrong with it, and what would be right. */
export class FaultRuleError extends Schema.TaggedError<FaultRuleError>()("FaultRuleError", {
  message: Schema.String,
  /** The rule's place in the list, counted from 0. */
  index: Schema.Int
}) {}

/** Which requests a rule strikes: all, unless it says otherwise. */
export interface FaultScope {
  /** The operations it is for. Default: all. */
  readonly on?: Operation | ReadonlyArray<Operation> | undefined
  /** The chance that it strikes a request of these, from 0 to 1. Default 1. */
  readonly probability?: number | undefined
  /** How often it strikes at most: `times: 2` are the first two requests. Default: without end. */
  readonly times?: number | undefined
}

/** The request waits before it is acted upon. */
export interface LatencyFault {
  readonly latency: Duration.Input
  /** When given, the wait is a random one between `latency` and this. */
  readonly upTo?: Duration.Input | undefined
}

/** The request is answered with an error, and not acted upon. */
export interface StatusFault {
  /** From 400 to 599. */
  readonly status: number
  /** The response's `Retry-After`, in whole seconds, rounded up. Default: none. */
  readonly retryAfter?: Duration.Input | undefined
  /** The body's `detail`. Default: the status in words. */
  readonly detail?: string | undefined
}

/** The connection is reset. */
export interface CutFault {
  readonly cut: FaultPoint
}

/** The response does not go on, though the connection stays open until the client leaves it. */
export interface StallFault {
  readonly stall: FaultPoint
}

/**
 * Where an exchange breaks off.
 *
 * - `beforeProcessing`: the request is not acted upon; a message is not stored.
 * - `beforeHeaders`: the request is acted upon, and a message stored, but no response begins.
 * - `insideBody`: the response's headers come, and the first half of its body or of its first piece.
 * - `afterPieces`: so many pieces of a streamed answer come. It strikes no other requests, and no answer of fewer pieces.
 */
export type FaultPoint =
  | "beforeProcessing"
  | "beforeHeaders"
  | "insideBody"
  | {
      /** 1 or more. */
      readonly afterPieces: number
    }

/**
 * One fault and the requests that it strikes.
 *
 * Rules are tried in their order. The latencies of those that strike add up; the first other fault that strikes ends
 * the request, and the rules behind it neither see nor count it. A request is struck before its token and its fields
 * are checked; paths other than those of the four operations never are.
 */
export type FaultRule = FaultScope & (LatencyFault | StatusFault | CutFault | StallFault)

/**
 * What befalls one request: a wait in milliseconds, then perhaps a fault.
 *
 * @internal
 */
export interface Strike {
  readonly latency: number
  readonly fault: StatusFault | CutFault | StallFault | undefined
}

/**
 * Says of each request what befalls it.
 *
 * @internal
 */
export type Judge = (operation: Operation) => Strike

/**
 * Makes the judge of requests. The same rules, seed and order of operations give the same faults.
 *
 * @internal
 */
export const makeJudge = Effect.fnUntraced(function* (rules: ReadonlyArray<FaultRule>, seed: string | number) {
  for (const [index, rule] of rules.entries()) {
    const problem = problemOf(rule)
    if (problem !== undefined) return yield* new FaultRuleError({ message: `faults[${index}]${problem}`, index })
  }
  const random = yield* Random.withSeed(Random.Random, seed)
  const scopes = rules.map((rule) => ({
    rule,
    operations: operationsOf(rule),
    probability: rule.probability ?? 1,
    left: rule.times ?? Infinity
  }))

  const judge: Judge = (operation) => {
    let latency = 0
    for (const scope of scopes) {
      const { operations, probability, rule } = scope
      if (scope.left === 0 || !operations.includes(operation)) continue
      if (random.nextDoubleUnsafe() >= probability) continue
      scope.left--
      if (!("latency" in rule)) return { latency, fault: rule }
      const from = toMillis(rule.latency)
      latency += from + random.nextDoubleUnsafe() * (toMillis(rule.upTo ?? from) - from)
    }
    return { latency, fault: undefined }
  }
  return judge
})

const everyOperation: ReadonlyArray<Operation> = ["getChatLogs", "getChatHistory", "chat", "streamChat"]

const operationsOf = (rule: FaultRule): ReadonlyArray<Operation> => {
  if (rule.on !== undefined) return [rule.on].flat()
  return isCounted(rule) ? ["streamChat"] : everyOperation
}

/** Whether a rule counts pieces, which only streamed answers have. */
const isCounted = (rule: FaultRule): boolean =>
  Predicate.isObject("cut" in rule ? rule.cut : "stall" in rule ? rule.stall : undefined)

const toMillis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

/** What is wrong with a rule, in words that go on from its place in the list. */
const problemOf = (rule: FaultRule): string | undefined => {
  const given = Object.entries(rule ?? {}).filter(([name, value]) => value !== undefined || isKind(name))
  const [kind, another] = given.map(([name]) => name).filter(isKind)
  if (kind === undefined || another !== undefined) return " must have exactly one of latency, status, cut and stall."
  for (const [name, value] of given) {
    const field = fields.get(name)
    if (field === undefined) return `.${name} is unknown: a rule has ${Array.from(fields.keys()).join(", ")}.`
    if (field.of !== undefined && field.of !== kind) return `.${name} belongs to ${field.of}, not to ${kind}.`
    if (!field.isValid(value)) return `.${name} must be ${field.expected}, got ${inspect(value)}.`
  }
  if ("latency" in rule && toMillis(rule.upTo ?? rule.latency) < toMillis(rule.latency)) {
    return `.upTo must not be shorter than latency, got ${inspect(rule.upTo)}.`
  }
  if (isCounted(rule) && operationsOf(rule).some((operation) => operation !== "streamChat")) {
    return `.on must be "streamChat" or left out where pieces are counted, got ${inspect(rule.on)}.`
  }
  return undefined
}

/** Whether it is a field that makes a rule what it is. */
const isKind = (name: string): boolean => fields.get(name)?.of === name

interface Field {
  /** The kind of fault that it belongs to. */
  readonly of?: string
  readonly expected: string
  readonly isValid: (value: unknown) => boolean
}

const isInteger =
  (least: number, most = Infinity) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most

const isCount = isInteger(1)

const duration = {
  expected: 'a finite duration such as "200 millis"',
  isValid: (value: unknown) => {
    const millis = Option.map(Duration.fromInput(value as Duration.Input), Duration.toMillis)
    return Option.exists(millis, (millis) => millis >= 0 && millis < Infinity)
  }
}

const points: ReadonlyArray<unknown> = ["beforeProcessing", "beforeHeaders", "insideBody"] satisfies Array<FaultPoint>

const point = {
  expected: `${points.join(", ")} or { afterPieces: 1 or more }`,
  isValid: (value: unknown) =>
    points.includes(value) || (Predicate.hasProperty(value, "afterPieces") && isCount(value.afterPieces))
}

const operation = {
  expected: `one or a list of ${everyOperation.join(", ")}`,
  isValid: (value: unknown) => [value].flat().every((name) => everyOperation.some((operation) => operation === name))
}

const fields = new Map<string, Field>(
  Object.entries({
    on: operation,
    probability: {
      expected: "a number from 0 to 1",
      isValid: (value) => Predicate.isNumber(value) && value >= 0 && value <= 1
    },
    times: { expected: "an integer of 1 or more", isValid: isCount },
    latency: { of: "latency", ...duration },
    upTo: { of: "latency", ...duration },
    status: { of: "status", expected: "an integer from 400 to 599", isValid: isInteger(400, 599) },
    retryAfter: { of: "status", ...duration },
    detail: { of: "status", expected: "a string", isValid: Predicate.isString },
    cut: { of: "cut", ...point },
    stall: { of: "stall", ...point }
  } satisfies Record<string, Field>)
)
