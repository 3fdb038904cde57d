import { expect, it } from "@effect/vitest"
import { ChatOperations, ChatStream, type CallOptions } from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { clientFor, failureOf, inProcess } from "../support/client.ts"
import { handFed, type HandFed } from "../support/handFed.ts"
import { rawServer } from "../support/rawServer.ts"
import { event } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

const operations = {
  getChatLogs: (options?: CallOptions) => Effect.asVoid(ChatOperations.getChatLogs({}, options)),
  getChatHistory: (options?: CallOptions) => Effect.asVoid(ChatOperations.getChatHistory({ chatId: "c" }, options)),
  chat: (options?: CallOptions) => Effect.asVoid(ChatOperations.chat(wire.question, options)),
  streamChat: (options?: CallOptions) => Stream.runDrain(ChatOperations.streamChat(wire.question, options))
}

for (const operation of ["getChatLogs", "getChatHistory", "chat", "streamChat"] as const) {
  it.effect(`${operation}: firstByte bounds the wait for the headers, and the connection is closed`, () =>
    Effect.gen(function* () {
      const server = yield* rawServer()
      const call = yield* operations[operation]().pipe(failureOf, Effect.provide(clientFor(server)), Effect.forkChild)
      const { closed } = yield* Effect.promise(() => server.received())
      yield* TestClock.adjust("119 seconds")
      expect(call.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(call)
      expect(error).toMatchObject({ _tag: "TimeoutError", operation, limit: "firstByte", duration: 120_000 })
      expect(error.message).toBe(`${operation}: no response began within 120000 ms (timeouts.firstByte)`)
      yield* Effect.promise(() => closed)
    })
  )
}

/** Runs a call against a body that stays open, until it is being read. */
const reading = Effect.fnUntraced(function* (call: ReturnType<typeof operations.chat>, feed: HandFed) {
  const fiber = yield* call.pipe(failureOf, Effect.provide(inProcess(feed.respond)), Effect.forkChild)
  yield* Effect.promise(feed.wanted)
  return fiber
})

for (const operation of ["getChatLogs", "getChatHistory", "chat"] as const) {
  it.effect(`${operation}: total bounds the wait for the whole body, and the body is left`, () =>
    Effect.gen(function* () {
      const feed = handFed("application/json")
      const fiber = yield* reading(operations[operation](), feed)
      yield* TestClock.adjust("299 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      expect(error).toMatchObject({ _tag: "TimeoutError", operation, limit: "total", duration: 300_000 })
      expect(error.message).toBe(`${operation}: the call was not over within 300000 ms (timeouts.total)`)
      yield* Effect.promise(() => feed.left)
    })
  )
}

it.effect("total that passes in a later attempt says how many there were", () =>
  Effect.gen(function* () {
    let sent = 0
    const silence = inProcess(() => {
      sent++
      return new Promise<Response>(() => {})
    })
    const fiber = yield* operations
      .getChatHistory({ retry: { maxAttempts: 9 }, timeouts: { firstByte: "30 seconds", total: "70 seconds" } })
      .pipe(Effect.flip, Effect.provide(silence), Effect.forkChild)
    while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
    expect(sent).toBe(3)
    expect(yield* Fiber.join(fiber)).toMatchObject({ attempts: 3, reason: { _tag: "TimeoutError", limit: "total" } })
  })
)

it.effect("idle bounds the wait for the next piece of an answer: keep-alives do not extend it", () =>
  Effect.gen(function* () {
    const feed = handFed("text/event-stream")
    const fiber = yield* reading(operations.streamChat(), feed)
    const wait = Effect.fnUntraced(function* (comment: string) {
      yield* TestClock.adjust("19 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      feed.give(comment)
      yield* Effect.promise(feed.wanted)
    })
    yield* wait(": keep-alive\n\n")
    yield* wait(": keep-alive\n\n")
    yield* wait(event(wire.piece("Hail is ")))
    // The piece began the wait anew.
    yield* wait(":\n\n")
    yield* wait("event: ping\ndata: {}\n\n")
    yield* TestClock.adjust("21 seconds")
    expect(fiber.pollUnsafe()).toBeUndefined()
    yield* TestClock.adjust("1 second")
    const error = yield* Fiber.join(fiber)
    expect(error).toMatchObject({ _tag: "TimeoutError", operation: "streamChat", limit: "idle", duration: 60_000 })
    expect(error.message).toBe("streamChat: no piece of the answer came within 60000 ms (timeouts.idle)")
    yield* Effect.promise(() => feed.left)
  })
)

it.effect("after [DONE] the answer is whole: no limit makes a failure of it", () =>
  Effect.gen(function* () {
    const feed = handFed("text/event-stream")
    feed.give(event(wire.piece("Hail.")) + "data: [DONE]\n\n")
    const answer = yield* ChatOperations.streamChat(wire.question).pipe(
      ChatStream.collect,
      Effect.provide(inProcess(feed.respond)),
      Effect.forkChild
    )
    yield* Effect.promise(feed.wanted)
    yield* TestClock.adjust("1 hour")
    expect((yield* Fiber.join(answer)).text).toBe("Hail.")
  })
)

it.effect("idle does not count the time that the reader of an answer takes, and holds again after it", () =>
  Effect.gen(function* () {
    const feed = handFed("text/event-stream")
    const texts: Array<string> = []
    feed.give(event(wire.piece("Hail ")))
    feed.give(event(wire.piece("is ")))
    const fiber = yield* ChatOperations.streamChat(wire.question).pipe(
      Stream.tap(({ text }) =>
        Effect.andThen(
          TestClock.adjust("1 hour"),
          Effect.sync(() => texts.push(text))
        )
      ),
      Stream.runDrain,
      failureOf,
      Effect.provide(inProcess(feed.respond)),
      Effect.forkChild
    )
    yield* Effect.promise(feed.wanted)
    expect(texts).toEqual(["Hail ", "is "])
    yield* TestClock.adjust("59 seconds")
    expect(fiber.pollUnsafe()).toBeUndefined()
    yield* TestClock.adjust("1 second")
    expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TimeoutError", limit: "idle" })
  })
)

it.effect("a long answer that keeps coming is cut by no limit", () =>
  Effect.gen(function* () {
    const feed = handFed("text/event-stream")
    const fiber = yield* ChatOperations.streamChat(wire.question).pipe(
      ChatStream.collect,
      Effect.provide(inProcess(feed.respond)),
      Effect.forkChild
    )
    for (let minute = 0; minute < 20; minute++) {
      yield* Effect.promise(feed.wanted)
      yield* TestClock.adjust("50 seconds")
      feed.give(event(wire.piece(".")))
    }
    feed.end()
    expect((yield* Fiber.join(fiber)).text).toBe(".".repeat(20))
  })
)

it.effect.each<[string, HandFed]>([
  ["whose status is bad", handFed("application/json", 500)],
  ["of a type that carries no answer", handFed("text/html")]
])(
  "a response to streamChat %s is not read for ever",
  ([, feed]) =>
    Effect.gen(function* () {
      const fiber = yield* reading(operations.streamChat(), feed)
      yield* TestClock.adjust("1 hour")
      yield* Effect.promise(() => feed.left)
      expect(yield* Fiber.join(fiber)).toMatchObject({ operation: "streamChat" })
    }),
  2_000
)

it.effect("a call's own limits hold for that call", () =>
  Effect.gen(function* () {
    const call = operations.chat({ timeouts: { total: "3 seconds" } })
    const fiber = yield* reading(call, handFed("application/json"))
    yield* TestClock.adjust("3 seconds")
    expect(yield* Fiber.join(fiber)).toMatchObject({ limit: "total", duration: 3000 })
  })
)

it.effect("an infinite limit is none", () =>
  Effect.gen(function* () {
    const none = { firstByte: "Infinity", total: "Infinity" } as const
    const feed = handFed("application/json")
    const fiber = yield* reading(operations.chat({ timeouts: none }), feed)
    yield* TestClock.adjust("30 days")
    feed.give("{}")
    feed.end()
    expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "InvalidResponse" })
  })
)
