import { describe, expect, it } from "@effect/vitest"
import { type CallOptions, ChatOperations, RequestLimit, WeavConfig, type WeavConfigOptions } from "@weavai/effect"
import { UndiciHttpClient } from "@weavai/undici"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as TestClock from "effect/testing/TestClock"
import { setImmediate } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { takeCensus } from "../support/census.ts"
import { inProcess, token } from "../support/client.ts"
import { handFed } from "../support/handFed.ts"
import { makePrng } from "../support/prng.ts"
import { type Exchange, type RawServer, rawServer } from "../support/rawServer.ts"
import { chunk, event, eventStream, eventStreamHead, head, json, response } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

const census = takeCensus()

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

type Running = Fiber.Fiber<unknown, unknown>

/** Puts a limit in front of the client of a layer. */
const limited = <A, E>(options: RequestLimit.Options, client: Layer.Layer<A | HttpClient.HttpClient, E>) =>
  Layer.orDie(Layer.provideMerge(RequestLimit.layer(options), client))

const configFor = ({ url }: RawServer, options?: Partial<WeavConfigOptions>) =>
  Layer.orDie(WeavConfig.layer({ env: url, authToken: Redacted.make(token), retry: false, ...options }))

const clients = { fetch: FetchHttpClient.layer, undici: Layer.orDie(UndiciHttpClient.layer()) }

const getHistory = (options?: CallOptions) => ChatOperations.getChatHistory({ chatId: "c" }, options)
const streamed = ChatOperations.streamChat(wire.question)

const until = <A>(promise: Promise<A>) => Effect.promise(() => promise)

/** Lets everything happen that takes no time. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await setImmediate()
}
const settle = Effect.promise(settled)

/** Lets time pass, and everything happen meanwhile. */
const pass = Effect.fnUntraced(function* (millis: number, step = 100) {
  yield* settle
  for (let passed = 0; passed < millis; passed += step) {
    yield* TestClock.adjust(step)
    yield* settle
  }
})

const interrupt = (fiber: Running) => Effect.runPromise(Fiber.interrupt(fiber))

/** Ways in which a request may end: the call, and what happens once the service has it. */
const endings: Record<
  string,
  readonly [
    call: Effect.Effect<unknown, unknown, WeavConfig | HttpClient.HttpClient>,
    end: (exchange: Exchange, call: Running) => unknown
  ]
> = {
  "is read to its end": [getHistory(), ({ write }) => write(json(wire.chatHistory))],
  "has a bad status": [getHistory(), ({ write }) => write(json({ detail: "no" }, { status: 500 }))],
  "has no body": [getHistory(), ({ write }) => write(head({}, 204))],
  "is cut before its headers": [getHistory(), ({ reset }) => reset()],
  "is cut in its body": [
    getHistory(),
    async ({ reset, write }) => {
      await write(head({ "content-length": "100" }) + "{")
      reset()
    }
  ],
  "is interrupted before its headers": [getHistory(), (_, call) => interrupt(call)],
  "is interrupted in its body": [
    getHistory(),
    async ({ write }, call) => {
      await write(head({ "content-length": "100" }) + "{")
      await settled()
      await interrupt(call)
    }
  ],
  "has streamed to its end": [Stream.runDrain(streamed), ({ write }) => write(eventStream(wire.piece("Hail.")))],
  "is left while it streams": [
    Stream.runDrain(Stream.take(streamed, 1)),
    ({ write }) => write(eventStreamHead + chunk(event(wire.piece("Hail."))))
  ],
  "is cut while it streams": [
    Stream.runDrain(streamed),
    async ({ reset, write }) => {
      await write(eventStreamHead + chunk(event(wire.piece("Hail."))))
      reset()
    }
  ],
  "streams what is no answer": [
    Stream.runDrain(streamed),
    ({ write }) => write(response("<html>", { headers: { "content-type": "text/html" } }))
  ]
}

/** Ways to be done with a response without the SDK. */
const readings: Record<string, (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, unknown>> = {
  text: (response) => response.text,
  json: (response) => response.json,
  arrayBuffer: (response) => response.arrayBuffer,
  urlParamsBody: (response) => response.urlParamsBody,
  stream: (response) => Stream.runDrain(response.stream),
  "a part of the stream": (response) => Stream.runDrain(Stream.take(response.stream, 1)),
  "a failed formData": (response) => Effect.exit(response.formData),
  "the web's text": (response) => Effect.promise(() => webOf(response).text()),
  "the web's stream": (response) => Effect.promise(() => webOf(response).body!.pipeTo(new WritableStream())),
  "the web's stream, cancelled": (response) => Effect.promise(() => webOf(response).body!.cancel())
}

const webOf = (response: HttpClientResponse.HttpClientResponse) =>
  HttpClientResponse.toWeb(response).pipe((web) => (web._tag === "Some" ? web.value : expect.fail("no web response")))

for (const [name, client] of Object.entries(clients)) {
  describe(`with ${name}, a request is in flight until it`, () => {
    it.live.each(Object.entries(endings))("%s", ([, [call, end]]) =>
      Effect.gen(function* () {
        const server = yield* rawServer()
        yield* Effect.gen(function* () {
          const first = yield* Effect.forkChild(call)
          const exchange = yield* until(server.received(0))
          const second = yield* Effect.forkChild(getHistory())
          yield* settle
          expect(server.requests.length).toBe(1)
          yield* Effect.promise(async () => end(exchange, first))
          const { write } = yield* until(server.received(1))
          yield* until(write(json(wire.chatHistory)))
          expect((yield* Fiber.join(second)).messages.length).toBe(1)
        }).pipe(Effect.provide(limited({ maxInFlight: 1 }, Layer.merge(configFor(server), client))))
      })
    )
  })

  describe(`with ${name}, a response is over after`, () => {
    it.live.each(Object.entries(readings).filter(([way]) => name === "fetch" || !way.startsWith("the web's")))(
      "%s",
      ([, read]) =>
        Effect.gen(function* () {
          const server = yield* rawServer(({ write }) => write(json(wire.chatHistory)))
          for (let index = 0; index < 3; index++) {
            yield* read(yield* HttpClient.get(server.url))
          }
        }).pipe(Effect.provide(limited({ maxInFlight: 1 }, client)))
    )

    it.live("it is dropped unread", () =>
      Effect.gen(function* () {
        const server = yield* rawServer(({ write }) => write(json(wire.chatHistory)))
        const drop = Effect.asVoid(HttpClient.get(server.url))
        yield* drop
        const next = yield* Effect.forkChild(drop)
        yield* settle
        expect(server.requests.length).toBe(1)
        while (next.pollUnsafe() === undefined) {
          collectGarbage()
          yield* settle
        }
      }).pipe(Effect.provide(limited({ maxInFlight: 1 }, client)))
    )
  })
}

describe("a place", () => {
  it.live("is never more than there are: of ten requests four at a time, in their order", () =>
    Effect.gen(function* () {
      const exchanges: Array<Exchange> = []
      let answered = 0
      const server = yield* rawServer((exchange) => {
        exchanges.push(exchange)
        expect(exchanges.length - answered).toBeLessThanOrEqual(4)
      })
      yield* Effect.gen(function* () {
        const calls = yield* Effect.forEach(Array(10).keys(), (index) =>
          Effect.forkChild(ChatOperations.getChatHistory({ chatId: `${index}` }))
        )
        for (; answered < 10;) {
          yield* until(server.received(Math.min(answered + 3, 9)))
          const { write } = exchanges[answered++]!
          yield* until(write(json(wire.chatHistory)))
        }
        yield* Effect.forEach(calls, Fiber.join)
        const inOrder = (first: number, count: number) =>
          server.requests.slice(first, first + count).map(({ target }) => Number(target.split("=")[1]))
        expect(inOrder(0, 10).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        expect(inOrder(9, 1)).toEqual([9])
      }).pipe(Effect.provide(limited({ maxInFlight: 4 }, Layer.merge(configFor(server), FetchHttpClient.layer))))
    })
  )

  it.effect("is not taken by a request that was interrupted while it waited: that is not sent", () =>
    Effect.gen(function* () {
      const feed = handFed("application/json")
      let sent = 0
      const service = inProcess((request, signal) => {
        return sent++ === 0 ? feed.respond(request, signal) : Response.json(wire.chatHistory)
      })
      yield* Effect.gen(function* () {
        yield* Effect.forkChild(getHistory())
        yield* until(feed.wanted())
        const second = yield* Effect.forkChild(getHistory())
        const third = yield* Effect.forkChild(getHistory())
        yield* settle
        yield* Fiber.interrupt(second)
        feed.give(JSON.stringify(wire.chatHistory))
        feed.end()
        yield* Fiber.join(third)
        yield* settle
        expect(sent).toBe(2)
      }).pipe(Effect.provide(limited({ maxInFlight: 1 }, service)))
    })
  )

  it.live("is not lost by a thousand interruptions at random moments", () =>
    Effect.gen(function* () {
      const places = 5
      const random = makePrng(4)
      const turns = async (): Promise<void> => {
        for (let turn = random.below(4); turn > 0; turn--) await setImmediate()
      }
      let inFlight = 0
      let peak = 0
      let hold: Promise<void> | undefined
      const service = inProcess(async (_, signal) => {
        let isOver = false
        const end = (): void => {
          if (!isOver) inFlight--
          isOver = true
        }
        peak = Math.max(peak, ++inFlight)
        signal.addEventListener("abort", end)
        await turns()
        await hold
        signal.throwIfAborted()
        const pieces = [event(wire.piece("Hail ")), event(wire.piece("is covered."))]
        const source: UnderlyingDefaultSource<Uint8Array> = {
          async pull(controller) {
            await turns()
            if (isOver) return
            const piece = pieces.shift()
            if (piece !== undefined) return controller.enqueue(new TextEncoder().encode(piece))
            end()
            controller.close()
          },
          cancel: end
        }
        return new Response(new ReadableStream(source, { highWaterMark: 0 }), {
          headers: { "content-type": "text/event-stream" }
        })
      })
      yield* Effect.gen(function* () {
        const ways = [Stream.runDrain(streamed), Stream.runDrain(Stream.take(streamed, 1)), Effect.exit(getHistory())]
        let interrupted = 0
        const one = Effect.gen(function* () {
          const call = yield* Effect.forkChild(random.pick(ways))
          yield* until(turns())
          yield* until(turns())
          if (call.pollUnsafe() === undefined) interrupted++
          yield* Fiber.interrupt(call)
        })
        yield* Effect.forEach(Array(1500).keys(), () => one, { concurrency: 20 })
        expect(interrupted).toBeGreaterThan(1000)
        expect([peak, inFlight]).toEqual([places, 0])

        const opened = Promise.withResolvers<void>()
        hold = opened.promise
        const full = yield* Effect.forEach(Array(places), () => Effect.forkChild(Stream.runDrain(streamed)))
        yield* settle
        expect(inFlight).toBe(places)
        opened.resolve()
        yield* Effect.forEach(full, Fiber.join)
      }).pipe(Effect.provide(limited({ maxInFlight: places }, service)))
    })
  )

  it.live("is given up for a redirect, and before a request is sent again", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ request, write }, index) =>
        write(
          request.target.includes("chat_history")
            ? response("", { status: 307, headers: { location: "/elsewhere" } })
            : index < 5
              ? json({ detail: "too busy" }, { status: 503 })
              : json(wire.chatHistory)
        )
      )
      const config = configFor(server, { retry: { baseDelay: 1, maxAttempts: 9 } })
      yield* Effect.provide(getHistory(), limited({ maxInFlight: 1 }, Layer.merge(config, FetchHttpClient.layer)))
      expect(server.requests.length).toBe(6)
    })
  )

  it.live("is given up when the scope of a request closes, read or not", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(json(wire.chatHistory)))
      const client = HttpClient.withScope(yield* HttpClient.HttpClient)
      for (let index = 0; index < 3; index++) yield* Effect.scoped(client.get(server.url))
      expect(server.requests.length).toBe(3)
    }).pipe(Effect.provide(limited({ maxInFlight: 1 }, FetchHttpClient.layer)))
  )

  it.live("is one in each limit where there are several", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(json(wire.chatHistory)))
      const client = limited({ maxInFlight: 2 }, limited({ maxInFlight: 1 }, FetchHttpClient.layer))
      const calls = Effect.forEach(Array(6).keys(), () => getHistory(), { concurrency: 6 })
      yield* Effect.provide(calls, Layer.merge(configFor(server), client))
      expect(server.requests.length).toBe(6)
    })
  )
})

/** A client whose requests are answered by hand: in the order in which they are sent, by whom. */
const answeredByHand = () => {
  const sent: Array<{ readonly caller: string; readonly answer: () => void }> = []
  const empty = new Response(null)
  const client = HttpClient.makeWith<never, never, HttpClientError, never>(
    Effect.flatMap((request) =>
      Effect.callback<HttpClientResponse.HttpClientResponse>((resume) => {
        const answer = () => resume(Effect.succeed(HttpClientResponse.fromWeb(request, empty)))
        sent.push({ caller: request.url, answer })
      })
    ),
    Effect.succeed
  )
  const get = (caller: string) => Effect.provideService(HttpClient.get(caller), RequestLimit.Caller, caller)
  return { sent, get, client: Layer.succeed(HttpClient.HttpClient, client) }
}

describe("callers", () => {
  it.effect("take turns", () => {
    const { client, get, sent } = answeredByHand()
    return Effect.gen(function* () {
      for (const caller of ["a", "a", "a", "a", "b", "b", "c", "a"]) yield* Effect.forkChild(get(caller))
      yield* settle
      for (let index = 0; index < 8; index++) {
        sent[index]!.answer()
        yield* settle
      }
      expect(sent.map(({ caller }) => caller).join("")).toBe("aabcabaa")
    }).pipe(Effect.provide(limited({ maxInFlight: 1 }, client)))
  })

  it.live("wait for one turn of another, however many requests that one has", () => {
    const { client, get, sent } = answeredByHand()
    const many = 50_000
    return Effect.gen(function* () {
      const fork = Effect.runForkWith(yield* Effect.context<HttpClient.HttpClient>())
      for (let index = 0; index < many; index++) fork(get("batch"))
      fork(get("web"))
      for (let index = 0; index <= many; index++) sent[index]!.answer()
      expect(sent.findIndex(({ caller }) => caller === "web")).toBe(2)
      expect(sent.length).toBe(many + 1)
    }).pipe(Effect.provide(limited({ maxInFlight: 1 }, client)))
  })
})

/** A service that is a function, and the times at which its requests came. */
const recorded = (respond: (index: number) => Response = () => Response.json(wire.chatHistory)) =>
  Effect.map(Clock.Clock, (clock) => {
    const start = clock.currentTimeMillisUnsafe()
    const sentAt: Array<number> = []
    const service = inProcess(() => {
      sentAt.push(clock.currentTimeMillisUnsafe() - start)
      return respond(sentAt.length - 1)
    })
    return { sentAt, service }
  })

/** Sends that many requests at once, and lets the time pass that is given. Tells when they were sent. */
const send = Effect.fnUntraced(function* (
  count: number,
  limits: RequestLimit.Options,
  { millis, respond, step }: { millis: number; respond?: (index: number) => Response; step?: number }
) {
  const { sentAt, service } = yield* recorded(respond)
  const calls = Effect.forEach(Array(count), () => Effect.forkChild(getHistory()), { discard: true })
  yield* Effect.provide(Effect.andThen(calls, pass(millis, step)), limited(limits, service))
  return sentAt
})

describe("the pace", () => {
  it.effect("is even", () =>
    Effect.gen(function* () {
      expect(yield* send(5, { perSecond: 10 }, { millis: 1000 })).toEqual([0, 100, 200, 300, 400])
    })
  )

  it.effect("may be a fraction", () =>
    Effect.gen(function* () {
      expect(yield* send(3, { perSecond: 0.5 }, { millis: 5000 })).toEqual([0, 2000, 4000])
    })
  )

  it.effect("is kept on average, though timers ring on whole milliseconds", () =>
    Effect.gen(function* () {
      const sentAt = yield* send(30, { perSecond: 30 }, { millis: 1000 })
      expect(sentAt.slice(0, 3)).toEqual([0, 34, 67])
      expect(sentAt.at(-1)).toBe(967)
    })
  )

  it.effect("begins with a burst, and has another one after a quiet time", () =>
    Effect.gen(function* () {
      const { sentAt, service } = yield* recorded()
      yield* Effect.gen(function* () {
        for (let round = 0; round < 2; round++) {
          for (let index = 0; index < 5; index++) yield* Effect.forkChild(getHistory())
          yield* pass(1000)
        }
      }).pipe(Effect.provide(limited({ perSecond: 10, burst: 3 }, service)))
      expect(sentAt).toEqual([0, 0, 0, 100, 200, 1000, 1000, 1000, 1100, 1200])
    })
  )

  it.effect("holds nobody back who comes later", () =>
    Effect.gen(function* () {
      const { sentAt, service } = yield* recorded()
      const spaced = Effect.andThen(getHistory(), Effect.sleep("150 millis"))
      yield* Effect.forkChild(Effect.provide(Effect.repeat(spaced, { times: 3 }), limited({ perSecond: 10 }, service)))
      yield* pass(1000, 50)
      expect(sentAt).toEqual([0, 150, 300, 450])
    })
  )

  it.live("leaves no timer behind when the last one that waits for it is interrupted", () =>
    Effect.gen(function* () {
      const { sentAt, service } = yield* recorded()
      const without = { timeouts: { firstByte: "Infinity", total: "Infinity" } } as const
      yield* Effect.gen(function* () {
        yield* getHistory()
        const before = census.timers().length
        const calls = yield* Effect.forEach(Array(3), () => Effect.forkChild(getHistory(without)))
        yield* settle
        expect(census.timers().length).toBe(before + 1)
        yield* Fiber.interruptAll(calls)
        expect(census.timers().length).toBe(before)
        expect(sentAt.length).toBe(1)
      }).pipe(Effect.provide(limited({ perSecond: 0.001 }, service)))
    })
  )
})

const refusal = (status: number, retryAfter?: string) =>
  Response.json({}, { status, headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } })

const refuseFirst = (status: number, retryAfter?: string) => (index: number) =>
  index === 0 ? refusal(status, retryAfter) : Response.json(wire.chatHistory)

describe("a refusal", () => {
  it.effect.each([
    { name: "429 with Retry-After", refused: refuseFirst(429, "7"), resumedAt: 7000 },
    {
      name: "429 with Retry-After as a date",
      refused: refuseFirst(429, new Date(9000).toUTCString()),
      resumedAt: 9000
    },
    { name: "503 with Retry-After", refused: refuseFirst(503, "7"), resumedAt: 7000 },
    { name: "a Retry-After of a day", refused: refuseFirst(429, "86400"), resumedAt: 60_000 },
    { name: "503 without", refused: refuseFirst(503), resumedAt: 0 },
    { name: "500", refused: refuseFirst(500), resumedAt: 0 }
  ])("$name: the others are sent at $resumedAt ms", ({ refused, resumedAt }) =>
    Effect.gen(function* () {
      const sentAt = yield* send(3, { maxInFlight: 1 }, { millis: resumedAt + 1000, respond: refused, step: 1000 })
      expect(sentAt).toEqual([0, resumedAt, resumedAt])
    })
  )

  it.effect("with Retry-After keeps back those too that wait for their time", () =>
    Effect.gen(function* () {
      const sentAt = yield* send(
        3,
        { perSecond: 10, maxPause: "5 seconds" },
        { millis: 6000, respond: refuseFirst(429, "7") }
      )
      expect(sentAt).toEqual([0, 5000, 5100])
    })
  )

  it.effect("429 without Retry-After halves the rate, which comes back within 30 seconds", () =>
    Effect.gen(function* () {
      const respond = (index: number) => (index === 20 ? refusal(429) : Response.json(wire.chatHistory))
      const sentAt = yield* send(400, { perSecond: 10 }, { millis: 40_000, respond })
      const sentWithin = (from: number, to: number) => sentAt.filter((at) => at > from && at <= to).length
      expect(sentAt[20]).toBe(2000)
      expect(sentWithin(0, 2000)).toBe(20)
      expect(sentWithin(2000, 4000)).toBeLessThanOrEqual(11)
      expect(sentWithin(16_000, 18_000)).toBeLessThanOrEqual(16)
      expect(sentWithin(16_000, 18_000)).toBeGreaterThanOrEqual(14)
      expect(sentWithin(34_000, 36_000)).toBe(20)
    })
  )

  it.effect(
    "429 without Retry-After sets a rate where none was given; of all that were in flight the first counts",
    () =>
      Effect.gen(function* () {
        const respond = (index: number) => (index < 8 ? refusal(429) : Response.json(wire.chatHistory))
        const sentAt = yield* send(40, { maxInFlight: 8 }, { millis: 40_000, respond })
        const sentWithin = (from: number, to: number) => sentAt.filter((at) => at > from && at <= to).length
        expect(sentAt.slice(0, 8)).toEqual(Array(8).fill(0))
        expect(sentWithin(0, 2000)).toBeGreaterThanOrEqual(7)
        expect(sentWithin(0, 2000)).toBeLessThanOrEqual(9)
      })
  )
})

describe("time limits", () => {
  it.effect("firstByte begins when the request is sent", () =>
    Effect.gen(function* () {
      const feed = handFed("application/json")
      const second = handFed("application/json")
      const feeds = [feed, second]
      const service = inProcess((request, signal) => feeds.shift()!.respond(request, signal), {
        timeouts: { firstByte: "1 second", total: "1 hour" }
      })
      yield* Effect.gen(function* () {
        yield* Effect.forkChild(getHistory())
        yield* until(feed.wanted())
        const waiting = yield* Effect.forkChild(getHistory())
        yield* pass(10_000, 1000)
        expect(waiting.pollUnsafe()).toBeUndefined()
        feed.give(JSON.stringify(wire.chatHistory))
        feed.end()
        yield* until(second.wanted())
        second.give(JSON.stringify(wire.chatHistory))
        second.end()
        expect((yield* Fiber.join(waiting)).messages.length).toBe(1)
      }).pipe(Effect.provide(limited({ maxInFlight: 1 }, service)))
    })
  )

  it.effect("total ends a request that waits, which is never sent", () =>
    Effect.gen(function* () {
      const { sentAt, service } = yield* recorded()
      yield* Effect.gen(function* () {
        yield* getHistory()
        const ask = ChatOperations.chat(wire.question, { timeouts: { total: "3 seconds" } })
        const waiting = yield* Effect.forkChild(Effect.flip(ask))
        yield* pass(3000)
        expect(yield* Fiber.join(waiting)).toMatchObject({
          reason: { _tag: "TimeoutError", limit: "total" },
          attempts: 0,
          messageArrived: "no"
        })
        yield* pass(2_000_000, 1_000_000)
        expect(sentAt.length).toBe(1)
      }).pipe(Effect.provide(limited({ perSecond: 0.001 }, service)))
    })
  )
})

describe("the layer", () => {
  it.effect("is one limit for all that it is provided to at once, within it too", () =>
    Effect.gen(function* () {
      const { sentAt, service } = yield* recorded()
      const layer = limited({ perSecond: 1 }, service)
      const two = Effect.all([getHistory(), Effect.provide(getHistory(), layer)], { concurrency: 2 })
      yield* Effect.forkChild(Effect.provide(two, layer))
      yield* Effect.forkChild(Effect.provide(getHistory(), limited({ perSecond: 1 }, service)))
      yield* pass(2000)
      expect(sentAt).toEqual([0, 0, 1000])
    })
  )

  it.effect.each([
    [{ maxInFlight: 0 }, "maxInFlight must be an integer of 1 or more, got 0."],
    [{ maxInFlight: 1.5 }, "maxInFlight must be an integer of 1 or more, got 1.5."],
    [{ perSecond: 0 }, "perSecond must be a number above zero, got 0."],
    [{ perSecond: "10" }, "perSecond must be a number above zero, got 10."],
    [{ perSecond: NaN }, "perSecond must be a number above zero, got NaN."],
    [{ burst: Infinity }, "burst must be an integer of 1 or more, got Infinity."],
    [{ maxPause: "soon" }, 'maxPause must be a duration above zero such as "30 seconds", got soon.'],
    [null, "limits must be an object such as { maxInFlight: 8 }, got null."]
  ])("refuses %o", ([options, message]) =>
    Effect.gen(function* () {
      const layer = Layer.provide(RequestLimit.layer(options as RequestLimit.Options), FetchHttpClient.layer)
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      expect(error._tag).toBe("WeavConfigError")
      expect(error.message).toBe(message)
    })
  )
})
