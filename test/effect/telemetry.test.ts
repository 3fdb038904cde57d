import { describe, expect, it } from "@effect/vitest"
import {
  type CallOptions,
  type ChatError,
  ChatOperations,
  ChatStream,
  type HttpClient,
  Telemetry,
  WeavConfig,
  type WeavConfigOptions
} from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { inProcess, token } from "../support/client.ts"
import { handFed } from "../support/handFed.ts"
import { event } from "../support/responses.ts"
import { attributesOf, parentOf, spanRecorder } from "../support/spans.ts"
import * as wire from "../support/wireExamples.ts"

type Respond = Parameters<typeof inProcess>[0]

interface Logged {
  readonly level: string
  readonly message: unknown
  readonly annotations: Record<string, unknown>
}

/** Runs calls with all telemetry on, against a service that is a function. */
const observe = (respond: Respond, options?: Partial<WeavConfigOptions>) => {
  const { spans, tracer } = spanRecorder()
  const registry: Metric.MetricRegistry = new Map()
  const logged: Array<Logged> = []
  const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
    logged.push({ level: logLevel, message, annotations: { ...fiber.getRef(References.CurrentLogAnnotations) } })
  })
  const context = Layer.mergeAll(
    inProcess(respond, options),
    Telemetry.layer,
    Logger.layer([logger]),
    Layer.succeed(References.MinimumLogLevel, "All"),
    Layer.succeed(Tracer.Tracer, tracer),
    Layer.succeed(Metric.MetricRegistry, registry)
  )
  const snapshots = Effect.provideService(Metric.snapshot, Metric.MetricRegistry, registry)
  return { run: Effect.provide(context), spans, logged, snapshots }
}

/** Lets time pass until an effect is done. */
const pass = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  while (fiber.pollUnsafe() === undefined) {
    yield* Effect.promise(() => new Promise(setImmediate))
    yield* TestClock.adjust("100 millis")
  }
  return yield* Fiber.join(fiber)
})

const answers = (texts: ReadonlyArray<string>) =>
  new Response(texts.map((text) => event(wire.piece(text))).join(""), {
    headers: { "content-type": "text/event-stream" }
  })

/** A body that stops inside its last piece. */
const cut = async (response: Response) => new Response((await response.text()).slice(0, -9), response)

const chatAttributes = {
  "code.function.name": "ChatOperations.chat",
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "weav.ai",
  "gen_ai.conversation.id": wire.chatId,
  "http.request.method": "POST",
  "url.template": "/chat-service/chat",
  "server.address": "localhost",
  "server.port": 80,
  "http.response.status_code": 200
}

/** How a span ended, and after how many milliseconds. */
const endOf = ({ status }: Tracer.NativeSpan) =>
  status._tag === "Ended"
    ? { exit: status.exit, millis: Number(status.endTime - status.startTime) / 1e6 }
    : "has not ended"

describe("spans", () => {
  it.effect("a call is a client span with the conventions' attributes, above that of its request", () =>
    Effect.gen(function* () {
      const { run, spans } = observe(() => Response.json(wire.chatResponse))
      yield* run(Effect.withSpan(ChatOperations.chat(wire.question), "the caller's"))
      expect(spans.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
        "internal the caller's",
        "client chat",
        "client POST"
      ])
      expect(attributesOf(spans[1])).toEqual(chatAttributes)
      expect(spans.map(parentOf)).toEqual([undefined, spans[0], spans[1]])
      expect(endOf(spans[1]!)).toEqual({ exit: Exit.void, millis: 0 })
    })
  )

  it.effect.each<[string, Effect.Effect<unknown, ChatError, WeavConfig | HttpClient>, object]>([
    [
      "get_chat_history",
      ChatOperations.getChatHistory({ chatId: "c" }),
      {
        "code.function.name": "ChatOperations.getChatHistory",
        "gen_ai.operation.name": "get_chat_history",
        "gen_ai.conversation.id": "c",
        "url.template": "/chat-service/chat_history"
      }
    ],
    [
      "get_chat_logs",
      ChatOperations.getChatLogs(),
      {
        "code.function.name": "ChatOperations.getChatLogs",
        "gen_ai.operation.name": "get_chat_logs",
        "url.template": "/chat-service/chat_logs/"
      }
    ]
  ])("%s is one too", ([name, call, attributes]) =>
    Effect.gen(function* () {
      const { run, spans } = observe(() => Response.json({ ...wire.chatHistory, ...wire.chatLogs, messages: [] }))
      yield* run(call)
      expect(spans.map((span) => span.name)).toEqual([name, "GET"])
      const { "gen_ai.conversation.id": _, ...common } = chatAttributes
      expect(attributesOf(spans[0])).toEqual({ ...common, "http.request.method": "GET", ...attributes })
    })
  )

  it.effect("a walk has one for each of its pages", () =>
    Effect.gen(function* () {
      const pages = (request: Request) => {
        const skip = Number(new URL(request.url).searchParams.get("skip"))
        const messages = [{ ...wire.logRow, id: `${skip}` }]
        return Response.json({ messages, total_records: 3, current_skip: skip })
      }
      const { run, spans } = observe(pages)
      yield* run(Stream.runDrain(ChatOperations.chatLogs({ pageSize: 1 })))
      expect(spans.filter(({ name }) => name === "get_chat_logs").map(({ status }) => status._tag)).toEqual([
        "Ended",
        "Ended",
        "Ended"
      ])
    })
  )

  it.effect("a streamed answer's span lasts until its end, and tells of its pieces", () =>
    Effect.gen(function* () {
      const feed = handFed("text/event-stream")
      const { run, spans } = observe(feed.respond)
      const reading = yield* Effect.forkChild(run(Stream.runDrain(ChatOperations.streamChat(wire.question))))
      yield* Effect.promise(feed.wanted)
      const span = spans[0]!
      expect(endOf(spans[1]!)).toMatchObject({ millis: 0 })

      yield* TestClock.adjust("200 millis")
      feed.give(event(wire.piece("The ")))
      yield* Effect.promise(feed.wanted)
      expect(span.events).toEqual([["weavai.first_piece", 200_000_000n, {}]])
      expect(endOf(span)).toBe("has not ended")

      yield* TestClock.adjust("300 millis")
      feed.give(event(wire.piece("deductible ")) + event(wire.piece("is $5,000.")))
      yield* Effect.promise(feed.wanted)
      feed.end()
      yield* Fiber.join(reading)
      expect(endOf(span)).toEqual({ exit: Exit.void, millis: 500 })
      expect(span.events.length).toBe(1)
      expect(attributesOf(span)).toEqual({
        ...chatAttributes,
        "code.function.name": "ChatOperations.streamChat",
        "gen_ai.request.stream": true,
        "gen_ai.response.time_to_first_chunk": 0.2,
        "weavai.pieces": 3
      })
    })
  )

  it.effect.each<[string, Respond, Record<string, unknown>]>([
    ["Unauthorized", () => new Response("", { status: 401 }), { "http.response.status_code": 401 }],
    ["NotFound", () => new Response("", { status: 404 }), { "http.response.status_code": 404 }],
    ["RateLimited", () => new Response("", { status: 429 }), { "http.response.status_code": 429 }],
    ["InvalidResponse", () => Response.json({}), { "http.response.status_code": 200 }],
    ["TransportError", () => Promise.reject(new TypeError("fetch failed")), { "server.address": "localhost" }]
  ])("a failure's error.type is its tag: %s", ([errorType, respond, attributes]) =>
    Effect.gen(function* () {
      const { run, spans } = observe(respond)
      const error = yield* run(Effect.flip(ChatOperations.chat(wire.question)))
      expect(attributesOf(spans[0])).toMatchObject({ "error.type": errorType, ...attributes })
      expect(endOf(spans[0]!)).toEqual({ exit: Exit.fail(error), millis: 0 })
    })
  )

  it.effect("so is that of a request that was never sent", () =>
    Effect.gen(function* () {
      const { run, spans } = observe(() => Response.json({}))
      yield* run(Effect.flip(ChatOperations.chat(null as never)))
      expect(spans.map((span) => attributesOf(span))).toEqual([
        {
          "code.function.name": "ChatOperations.chat",
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": "weav.ai",
          "error.type": "InvalidRequest"
        }
      ])
    })
  )

  it.effect.each<[string, Respond, string]>([
    ["before its first piece", () => new Response("", { status: 503 }), "ServerError"],
    ["behind it", () => cut(answers(["The ", "deductible"])), "StreamInterrupted"]
  ])("a streamed answer that fails %s ends its span", ([, respond, errorType]) =>
    Effect.gen(function* () {
      const { run, spans } = observe(respond)
      const error = yield* run(Effect.flip(Stream.runDrain(ChatOperations.streamChat(wire.question))))
      expect(attributesOf(spans[0])).toMatchObject({ "error.type": errorType })
      expect(endOf(spans[0]!)).toEqual({ exit: Exit.fail(error), millis: 0 })
    })
  )

  it.effect("one that its reader leaves, or whose reader fails, ends as interrupted", () =>
    Effect.gen(function* () {
      const { run, spans } = observe(() => answers(["The ", "deductible"]))
      const answer = ChatOperations.streamChat(wire.question)
      yield* run(Stream.runDrain(Stream.take(answer, 1)))
      yield* run(Effect.flip(Stream.runForEach(answer, () => Effect.fail("of the reader's"))))
      const calls = spans.filter(({ name }) => name === "chat")
      expect(calls.map(endOf)).toEqual([
        { exit: Exit.interrupt(), millis: 0 },
        { exit: Exit.interrupt(), millis: 0 }
      ])
      expect(calls.map((span) => "error.type" in attributesOf(span))).toEqual([false, false])
    })
  )

  it.effect.each(["chat", "streamChat"] as const)("so does a %s that is interrupted while it waits", (operation) =>
    Effect.gen(function* () {
      const asked = Promise.withResolvers<void>()
      const { run, spans } = observe(() => {
        asked.resolve()
        return new Promise(() => {})
      })
      const call =
        operation === "chat"
          ? ChatOperations.chat(wire.question)
          : Stream.runDrain(ChatOperations.streamChat(wire.question))
      const calling = yield* Effect.forkChild(run(call))
      yield* Effect.promise(() => asked.promise)
      yield* Fiber.interrupt(calling)
      expect(endOf(spans[0]!)).toEqual({ exit: Exit.interrupt(), millis: 0 })
    })
  )

  it.effect("each retry is an event, and its request counted", () =>
    Effect.gen(function* () {
      const statuses = [503, 429, 200]
      const service = () =>
        Response.json(wire.chatHistory, { status: statuses.shift()!, headers: { "retry-after": "2" } })
      const { run, spans } = observe(service, { retry: {} })
      yield* pass(run(ChatOperations.getChatHistory({ chatId: "c" })))
      expect(spans.map(({ name }) => name)).toEqual(["get_chat_history", "GET", "GET", "GET"])
      expect(spans[0]!.events).toEqual([
        ["weavai.retry", 0n, { "error.type": "ServerError", "weavai.attempts": 1, "weavai.delay": 2 }],
        ["weavai.retry", 2_000_000_000n, { "error.type": "RateLimited", "weavai.attempts": 2, "weavai.delay": 2 }]
      ])
      expect(attributesOf(spans[0])).toMatchObject({
        "http.request.resend_count": 2,
        "http.response.status_code": 200
      })
      expect(endOf(spans[0]!)).toEqual({ exit: Exit.void, millis: 4000 })
    })
  )

  it.effect("the search for a message of unknown fate is below its call's, and does not change it", () =>
    Effect.gen(function* () {
      const now = { timestamp: new Date(0).toISOString() }
      const messages = [
        { ...wire.historyMessage, ...now, text: wire.question.userInput },
        { ...wire.historyMessage, ...now, text: "$5,000.", type: "assistant" }
      ]
      const posts = [503, 200]
      const { run, spans } = observe(
        ({ method }) => {
          if (method === "GET") return Response.json({ messages }, { headers: { date: new Date(0).toUTCString() } })
          if (posts.shift() === 503) return new Response("", { status: 503, headers: { "retry-after": "1" } })
          throw new TypeError("fetch failed")
        },
        { retry: {} }
      )
      yield* pass(run(ChatOperations.chat(wire.question, { onUncertain: "reconcile" })))
      expect(spans.map(({ name }) => name)).toEqual(["chat", "POST", "POST", "GET"])
      expect(spans.slice(1).map(parentOf)).toEqual([spans[0], spans[0], spans[0]])
      expect(attributesOf(spans[0])).toEqual({
        ...chatAttributes,
        "http.request.resend_count": 1,
        // Of the first attempt: the second had no response.
        "http.response.status_code": 503
      })
    })
  )

  it.effect("without a tracer there is none, but numbers and logs", () =>
    Effect.gen(function* () {
      const { run, snapshots, spans } = observe(() => Response.json(wire.chatResponse))
      yield* run(Effect.provideService(ChatOperations.chat(wire.question), Tracer.Tracer, Tracer.nativeTracer))
      expect(spans).toEqual([])
      expect((yield* snapshots).length).toBe(2)
    })
  )
})

describe("metrics", () => {
  const chatMetrics = {
    "code.function.name": "ChatOperations.chat",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "weav.ai",
    "server.address": "localhost",
    "server.port": "80"
  }

  /** What each metric holds of what differs between calls, by its name. */
  const numbers = Effect.map((snapshots: ReadonlyArray<Metric.Metric.Snapshot>) =>
    snapshots.map(({ attributes, id, state }) => [
      id,
      attributes?.["weavai.outcome"],
      attributes?.["error.type"],
      "sum" in state ? [state.count, state.sum] : "count" in state && state.count
    ])
  )

  it.effect("a call is timed and its requests are counted, by operation, server and outcome", () =>
    Effect.gen(function* () {
      const { run, snapshots } = observe(() => Response.json(wire.chatResponse))
      yield* run(ChatOperations.chat(wire.question))
      yield* run(ChatOperations.chat(wire.question))
      const attributes = { ...chatMetrics, "weavai.outcome": "success" }
      const boundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
      expect(yield* snapshots).toMatchObject([
        {
          id: "gen_ai.client.operation.duration",
          type: "Histogram",
          attributes: { ...attributes, unit: "s" },
          state: { count: 2, buckets: boundaries.map((boundary) => [boundary, 2]) }
        },
        { id: "weavai.client.requests", attributes: { ...attributes, unit: "{request}" }, state: { count: 2 } }
      ])
    })
  )

  it.effect("a streamed answer's pieces are counted, and the first is timed, in seconds", () =>
    Effect.gen(function* () {
      const feed = handFed("text/event-stream")
      const { run, snapshots } = observe(feed.respond)
      const reading = yield* Effect.forkChild(run(ChatStream.collect(ChatOperations.streamChat(wire.question))))
      yield* Effect.promise(feed.wanted)
      yield* TestClock.adjust("200 millis")
      feed.give(event(wire.piece("Hail ")))
      yield* Effect.promise(feed.wanted)
      feed.give(event(wire.piece("is ")) + event(wire.piece("covered.")))
      yield* Effect.promise(feed.wanted)
      yield* TestClock.adjust("1 second")
      feed.end()
      yield* Fiber.join(reading)
      expect(yield* numbers(snapshots)).toEqual([
        ["gen_ai.client.operation.time_to_first_chunk", undefined, undefined, [1, 0.2]],
        ["gen_ai.client.operation.duration", "success", undefined, [1, 1.2]],
        ["weavai.client.requests", "success", undefined, 1],
        ["weavai.client.pieces", "success", undefined, 3]
      ])
    })
  )

  it.effect("retries are counted, and a failure tells its type", () =>
    Effect.gen(function* () {
      const { run, snapshots } = observe(() => new Response("", { status: 503, headers: { "retry-after": "1" } }), {
        retry: { maxAttempts: 3 }
      })
      yield* pass(run(Effect.flip(ChatOperations.chat(wire.question))))
      expect(yield* numbers(snapshots)).toEqual([
        ["gen_ai.client.operation.duration", "failure", "ServerError", [1, 2]],
        ["weavai.client.requests", "failure", "ServerError", 3],
        ["weavai.client.retries", "failure", "ServerError", 2]
      ])
    })
  )

  it.effect("what is left early is told apart", () =>
    Effect.gen(function* () {
      const { run, snapshots } = observe(() => answers(["Hail ", "is covered."]))
      yield* run(Stream.runDrain(Stream.take(ChatOperations.streamChat(wire.question), 1)))
      expect((yield* numbers(snapshots)).map(([, outcome]) => outcome)).toEqual([
        undefined,
        "interrupted",
        "interrupted",
        "interrupted"
      ])
    })
  )

  it.effect("a request that was never sent counts as a call alone", () =>
    Effect.gen(function* () {
      const { run, snapshots } = observe(() => Response.json({}))
      yield* run(Effect.flip(ChatOperations.getChatHistory({ chatId: "" })))
      expect(yield* numbers(snapshots)).toEqual([
        ["gen_ai.client.operation.duration", "failure", "InvalidRequest", [1, 0]]
      ])
    })
  )
})

describe("logs", () => {
  it.effect("what is logged within a call says to which attempt of which call it belongs", () =>
    Effect.gen(function* () {
      const statuses = [503, 200]
      const { logged, run } = observe(() => Response.json(wire.chatHistory, { status: statuses.shift()! }), {
        authToken: Effect.as(Effect.log("asked for a token"), Redacted.make(token)),
        retry: {}
      })
      yield* Effect.log("before").pipe(
        Effect.andThen(pass(ChatOperations.getChatHistory({ chatId: "c" }))),
        Effect.andThen(Effect.log("after")),
        Effect.annotateLogs({ tenant: "t" }),
        run
      )
      const about = { tenant: "t", operation: "getChatHistory", chatId: "c" }
      expect(logged).toEqual([
        { level: "Info", message: ["before"], annotations: { tenant: "t" } },
        { level: "Info", message: ["asked for a token"], annotations: { ...about, attempt: 1 } },
        {
          level: "Debug",
          message: [expect.stringMatching(/^ServerError: sent again in \d+ ms$/)],
          annotations: { ...about, attempt: 1 }
        },
        { level: "Info", message: ["asked for a token"], annotations: { ...about, attempt: 2 } },
        { level: "Info", message: ["after"], annotations: { tenant: "t" } }
      ])
    })
  )
})

describe("trace headers", () => {
  const traced = (options?: Partial<WeavConfigOptions>) => {
    const sent: Array<Record<string, string>> = []
    const service = observe((request) => {
      sent.push(Object.fromEntries(Array.from(request.headers).filter(([name]) => /^(b3|trace.*)$/.test(name))))
      return Response.json(wire.chatHistory)
    }, options)
    return { ...service, sent }
  }
  const call = (options?: CallOptions) => ChatOperations.getChatHistory({ chatId: "c" }, options)

  it.effect("are not sent, whatever traces", () =>
    Effect.gen(function* () {
      const { run, sent, spans } = traced()
      yield* run(call())
      yield* run(Effect.withSpan(call(), "the caller's"))
      yield* run(Effect.provideService(call(), Tracer.Tracer, Tracer.nativeTracer))
      expect(sent).toEqual([{}, {}, {}])
      expect(spans.map(({ name }) => name).filter((name) => name === "GET").length).toBe(2)
    })
  )

  it.effect("are sent where they are asked for, by the configuration or a call", () =>
    Effect.gen(function* () {
      const always = traced({ propagateTrace: true })
      yield* always.run(call())
      yield* always.run(call({ propagateTrace: false }))
      const request = always.spans[1]!
      expect(always.sent).toEqual([
        {
          b3: `${request.traceId}-${request.spanId}-1-${always.spans[0]!.spanId}`,
          traceparent: `00-${request.traceId}-${request.spanId}-01`
        },
        {}
      ])

      const once = traced()
      yield* once.run(call())
      yield* once.run(call({ propagateTrace: true }))
      expect(once.sent.map((headers) => Object.keys(headers))).toEqual([[], ["b3", "traceparent"]])
    })
  )

  it.effect("asked for, they pass on the trace that a program is a part of, though nobody takes its spans", () =>
    Effect.gen(function* () {
      const { run, sent } = traced({ propagateTrace: true })
      const parent = Tracer.externalSpan({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" })
      yield* call().pipe(Effect.withParentSpan(parent), Effect.provideService(Tracer.Tracer, Tracer.nativeTracer), run)
      expect(sent[0]!["traceparent"]).toContain(parent.traceId)
    })
  )

  it.effect("an option that is neither true nor false is refused", () =>
    Effect.gen(function* () {
      const options = { env: "local", authToken: Redacted.make(token), propagateTrace: "false" as never }
      const error = yield* Effect.flip(WeavConfig.make(options))
      expect(error.message).toBe("propagateTrace must be true or false.")
    })
  )
})

it.effect("neither the token nor what was said gets into telemetry", () =>
  Effect.gen(function* () {
    const statuses = [503, 200, 503, 200]
    const respond: Respond = (request) => {
      const init = { status: statuses.shift()!, headers: { "x-request-id": token, "retry-after": "1" } }
      if (init.status === 503) return Response.json({ detail: token }, init)
      return request.headers.get("accept") === "application/json"
        ? Response.json({ ...wire.chatResponse, text: "SAID" }, init)
        : answers(["SAID"])
    }
    const { logged, run, snapshots, spans } = observe(respond, { retry: {} })
    const question = { ...wire.question, userInput: "ASKED" }
    yield* pass(run(ChatOperations.chat(question)))
    yield* pass(run(Stream.runDrain(ChatOperations.streamChat(question))))
    const told = [
      logged,
      yield* snapshots,
      spans.map(({ attributes, events, name, status }) =>
        // The HTTP client's own spans end with their responses, as Effect has it.
        name === "chat" ? { name, attributes, events, status } : { name, attributes, events }
      )
    ]
    const text = inspect(told, { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity })
    expect(text).toContain("ServerError")
    expect(text).not.toMatch(new RegExp(`${token}|ASKED|SAID`))
  })
)
