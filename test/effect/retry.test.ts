import { describe, expect, it } from "@effect/vitest"
import {
  type CallOptions,
  type ChatError,
  ChatOperations,
  ChatStream,
  type HttpClient,
  type WeavConfig
} from "@weavai/effect"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as TestClock from "effect/testing/TestClock"
import { inProcess } from "../support/client.ts"
import { event } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

type Outcome = Response | Error

const failing = (code: string) =>
  Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error(code), { code }) })

const status =
  (status: number, headers: Record<string, string> = {}) =>
  () =>
    Response.json({ detail: "no" }, { status, headers })

type Operation = Effect.Effect<unknown, ChatError, WeavConfig | HttpClient>

const operations: { readonly [name in "read" | "message" | "stream"]: Operation } = {
  read: ChatOperations.getChatHistory({ chatId: "c" }),
  message: ChatOperations.chat(wire.question),
  stream: ChatOperations.streamChat(wire.question).pipe(ChatStream.collect)
}

const good = {
  read: () => Response.json(wire.chatHistory),
  message: () => Response.json(wire.chatResponse),
  stream: () => new Response(event(wire.piece("Hail")), { headers: { "content-type": "text/event-stream" } })
}

/** Runs an operation against these outcomes, letting time pass as it waits; tells when each request came. */
const run = (
  operation: keyof typeof operations,
  outcomes: ReadonlyArray<() => Outcome>,
  retry: CallOptions["retry"] = {}
) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const sentAt: Array<number> = []
    const service = inProcess(
      () => {
        const outcome = (outcomes[sentAt.length] ?? good[operation])()
        sentAt.push(clock.currentTimeMillisUnsafe())
        if (outcome instanceof Error) throw outcome
        return outcome
      },
      { retry }
    )
    const fiber = yield* Effect.forkChild(Effect.result(Effect.provide(operations[operation], service)))
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.promise(() => new Promise(setImmediate))
      yield* TestClock.adjust("100 millis")
    }
    return { result: yield* Fiber.join(fiber), sentAt }
  })

const refused = () => failing("ECONNREFUSED")
const reset = () => failing("ECONNRESET")

describe("what is sent again", () => {
  it.effect.each([
    { name: "connection refused", outcome: refused, read: 2, message: 2 },
    { name: "name not resolved", outcome: () => failing("ENOTFOUND"), read: 2, message: 2 },
    { name: "TLS not established", outcome: () => failing("CERT_HAS_EXPIRED"), read: 2, message: 2 },
    { name: "connection reset", outcome: reset, read: 2, message: 1 },
    { name: "a failure without a code", outcome: () => new TypeError("fetch failed"), read: 2, message: 1 },
    { name: "429", outcome: status(429), read: 2, message: 2 },
    { name: "502", outcome: status(502), read: 2, message: 1 },
    { name: "503", outcome: status(503), read: 2, message: 1 },
    { name: "503 with Retry-After", outcome: status(503, { "retry-after": "1" }), read: 2, message: 2 },
    { name: "504", outcome: status(504), read: 2, message: 1 },
    { name: "500", outcome: status(500), read: 1, message: 1 },
    { name: "401", outcome: status(401), read: 1, message: 1 },
    { name: "404", outcome: status(404), read: 1, message: 1 },
    { name: "422", outcome: status(422), read: 1, message: 1 },
    { name: "403", outcome: status(403), read: 1, message: 1 },
    { name: "a body that is no JSON", outcome: () => new Response("<html>"), read: 1, message: 1 }
  ])("after $name", ({ message, outcome, read }) =>
    Effect.gen(function* () {
      for (const [operation, times] of [
        ["read", read],
        ["message", message],
        ["stream", message]
      ] as const) {
        const { result, sentAt } = yield* run(operation, [outcome])
        expect([operation, sentAt.length]).toEqual([operation, times])
        expect(result._tag).toBe(times === 1 ? "Failure" : "Success")
      }
    })
  )

  it.effect("a stream that broke off after its first piece is not", () =>
    Effect.gen(function* () {
      const body = event(wire.piece("Hail")) + 'data: {"te'
      const broken = () => new Response(body, { headers: { "content-type": "text/event-stream" } })
      const { result, sentAt } = yield* run("stream", [refused, broken])
      expect(sentAt.length).toBe(2)
      expect(result).toMatchObject({
        failure: { attempts: 2, reason: { _tag: "StreamInterrupted", answer: { text: "Hail" } } }
      })
    })
  )

  it.effect("a request that is sent again is transformed anew", () =>
    Effect.gen(function* () {
      const sent: Array<string | null> = []
      let transformed = 0
      const service = inProcess(
        (request) => {
          sent.push(request.headers.get("x-attempt"))
          return sent.length === 1 ? status(503)() : good.read()
        },
        {
          retry: {},
          transformRequest: (request) => HttpClientRequest.setHeader(request, "x-attempt", `${++transformed}`)
        }
      )
      const fiber = yield* Effect.forkChild(Effect.provide(operations.read, service))
      while (fiber.pollUnsafe() === undefined) {
        yield* Effect.promise(() => new Promise(setImmediate))
        yield* TestClock.adjust("100 millis")
      }
      expect(sent).toEqual(["1", "2"])
    })
  )

  it.effect("nothing, where retry is off", () =>
    Effect.gen(function* () {
      const { result, sentAt } = yield* run("read", [refused], false)
      expect(sentAt.length).toBe(1)
      expect(result).toMatchObject({ failure: { attempts: 1, reason: { code: "ECONNREFUSED" } } })
    })
  )
})

describe("how often and when", () => {
  it.effect("three times by default, and the error says so", () =>
    Effect.gen(function* () {
      const { result, sentAt } = yield* run("read", Array(9).fill(status(503)))
      expect(sentAt.length).toBe(3)
      expect(result).toMatchObject({ failure: { _tag: "ApiError", attempts: 3, reason: { status: 503 } } })
    })
  )

  it.effect("pauses grow up to their limit and are a random part of it", () =>
    Effect.gen(function* () {
      const policy = { maxAttempts: 60, baseDelay: "1 second", maxDelay: "4 seconds" } as const
      const { sentAt } = yield* run("read", Array(59).fill(status(503)), policy)
      const pauses = sentAt.slice(1).map((at, i) => at - sentAt[i]!)
      // The clock of the test moves by a tenth of a second.
      expect(pauses[0]).toBeLessThanOrEqual(1100)
      expect(pauses[1]).toBeLessThanOrEqual(2100)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(4100)
      expect(Math.max(...pauses)).toBeGreaterThan(2000)
      expect(Math.min(...pauses.slice(2))).toBeLessThan(1000)
    })
  )

  it.effect("Retry-After is waited for, in seconds and as a date", () =>
    Effect.gen(function* () {
      const inSeconds = yield* run("message", [status(429, { "retry-after": "7" })])
      expect(inSeconds.sentAt[1]! - inSeconds.sentAt[0]!).toBeGreaterThanOrEqual(7000)
      const now = yield* Clock.currentTimeMillis
      const date = new Date(Math.ceil(now / 1000) * 1000 + 9000).toUTCString()
      const asDate = yield* run("message", [status(429, { "retry-after": date })])
      expect(asDate.sentAt[1]).toBeGreaterThanOrEqual(Date.parse(date))
    })
  )

  it.effect("a Retry-After beyond the limit comes back at once", () =>
    Effect.gen(function* () {
      const { result, sentAt } = yield* run("read", [status(429, { "retry-after": "61" })])
      expect(sentAt.length).toBe(1)
      expect(result).toMatchObject({ failure: { attempts: 1, reason: { _tag: "RateLimited", retryAfter: 61_000 } } })
    })
  )

  it.effect("never longer than the whole call may take", () =>
    Effect.gen(function* () {
      const { result, sentAt } = yield* run("read", Array(99).fill(status(503, { "retry-after": "50" })), {
        maxAttempts: 99
      })
      expect(sentAt.length).toBe(6)
      expect(result).toMatchObject({ failure: { attempts: 6, reason: { _tag: "ServerError" } } })
    })
  )
})

describe("a source of tokens", () => {
  const serviceOf = (valid: () => string, authToken: Effect.Effect<Redacted.Redacted>) => {
    const seen: Array<string | null> = []
    const service = inProcess(
      (request) => {
        seen.push(request.headers.get("authorization"))
        return seen.at(-1) === `Bearer ${valid()}` ? good.read() : status(401)()
      },
      { authToken }
    )
    return { seen, service }
  }

  it.effect("is asked afresh once when its token is refused", () =>
    Effect.gen(function* () {
      let version = 0
      const { seen, service } = serviceOf(
        () => "t2",
        Effect.sync(() => Redacted.make(`t${++version}`))
      )
      yield* Effect.provide(operations.read, service)
      expect(seen).toEqual(["Bearer t1", "Bearer t2"])
      version = 5
      const error = yield* Effect.flip(Effect.provide(operations.read, service))
      expect(error._tag).toBe("Unauthorized")
      expect(seen.slice(2)).toEqual(["Bearer t6", "Bearer t7"])
    })
  )

  it.effect("whose token stays the same is believed", () =>
    Effect.gen(function* () {
      const { seen, service } = serviceOf(() => "other", Effect.succeed(Redacted.make("t1")))
      const error = yield* Effect.flip(Effect.provide(operations.read, service))
      expect(error._tag).toBe("Unauthorized")
      expect(seen).toEqual(["Bearer t1"])
    })
  )

  it.effect("is run once for a hundred requests at the same time, and again for later ones", () =>
    Effect.gen(function* () {
      let asked = 0
      const source = Effect.sync(() => Redacted.make(`t${++asked}`)).pipe(Effect.delay("1 second"))
      const { seen, service } = serviceOf(() => `t${asked}`, source)
      const all = Effect.provide(
        Effect.all(Array<Operation>(100).fill(operations.read), { concurrency: "unbounded" }),
        service
      )
      for (let round = 1; round <= 2; round++) {
        const fiber = yield* Effect.forkChild(all)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
        expect(asked).toBe(round)
      }
      expect(seen.length).toBe(200)
    })
  )

  it.effect("is interrupted when the last that waits for it is, not before", () =>
    Effect.gen(function* () {
      let isInterrupted = false
      const source = Effect.onInterrupt(Effect.never, () => Effect.sync(() => (isInterrupted = true)))
      const { service } = serviceOf(() => "t1", source)
      const pair = yield* Effect.provide(
        Effect.gen(function* () {
          const first = yield* Effect.forkChild(operations.read)
          const second = yield* Effect.forkChild(operations.read)
          yield* TestClock.adjust("1 second")
          yield* Fiber.interrupt(first)
          const early = isInterrupted
          yield* Fiber.interrupt(second)
          return [early, isInterrupted]
        }),
        service
      )
      expect(pair).toEqual([false, true])
    })
  )
})
