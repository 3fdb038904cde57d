import { assert, describe, it } from "@effect/vitest"
import { type CallOptions, ChatOperations, ChatStream, type Operation, WeavConfig } from "@weavai/effect"
import { Chats, type FaultPoint, type FaultRule, LocalServer, type ServiceOptions } from "@weavai/local"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { FetchHttpClient } from "effect/http"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { setImmediate } from "node:timers/promises"
import { makeJudge } from "../../packages/local/src/Faults.ts"
import { failureOf } from "../support/client.ts"
import { policyFolder, question } from "../support/policyFolder.ts"
import { runSource } from "../support/run.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"

expectNoUnhandledRejections()

const configFor = (env: string) =>
  Layer.orDie(WeavConfig.layer({ env, authToken: Redacted.make("t0ken"), retry: false }))

const withPolicy = <A, E, R>(make: (options: ServiceOptions) => Layer.Layer<A, E, R>, options: ServiceOptions) =>
  Layer.unwrap(Effect.map(policyFolder, ({ documents }) => make({ documents: [documents], ...options })))

const served = (options: ServiceOptions) =>
  Layer.unwrap(Effect.map(LocalServer, ({ url }) => Layer.merge(configFor(url), FetchHttpClient.layer))).pipe(
    Layer.provideMerge(withPolicy((options) => LocalServer.layer({ port: 0, ...options }), options))
  )

const embedded = (options: ServiceOptions) =>
  Layer.merge(configFor("local"), withPolicy(LocalServer.layerHttpClient, options))

const message = Effect.map(LocalServer, ({ documents }) => ({
  userInput: question,
  chatId: "chat",
  fileId: documents[0]!.fileId
}))

const ask = (options?: CallOptions) => Effect.flatMap(message, (message) => ChatOperations.chat(message, options))

const askStreamed = (options?: CallOptions) =>
  Stream.unwrap(Effect.map(message, (message) => ChatOperations.streamChat(message, options)))

/** How many messages are stored: two for each question that was taken. */
const stored = Effect.flatMap(Chats, (chats) => Effect.map(chats.logs(), ({ totalRecords }) => totalRecords))

const untilStored = stored.pipe(
  Effect.tap(() => Effect.promise(() => setImmediate())),
  Effect.repeat({ until: (count) => count > 0 })
)

const operations: { readonly [name in Operation]: Effect.Effect<unknown, unknown, any> } = {
  getChatLogs: ChatOperations.getChatLogs(),
  getChatHistory: ChatOperations.getChatHistory({ chatId: "chat" }),
  chat: ask(),
  streamChat: Stream.runDrain(askStreamed())
}

for (const [transport, serve] of Object.entries({ "over HTTP": served, "in the program": embedded })) {
  describe(`a service ${transport} that is asked for faults`, () => {
    const cuts: ReadonlyArray<[FaultPoint, number]> = [
      ["beforeProcessing", 0],
      ["beforeHeaders", 2],
      ["insideBody", 2]
    ]
    for (const [cut, count] of cuts) {
      it.live(`resets the connection: ${String(cut)}`, () =>
        Effect.gen(function* () {
          const failure = yield* failureOf(ask())
          assert.deepInclude(failure, { _tag: "TransportError", code: "ECONNRESET", description: "read ECONNRESET" })
          assert.strictEqual(yield* stored, count)
        }).pipe(Effect.provide(serve({ faults: [{ cut }] })))
      )
    }

    it.live("resets the connection after some pieces", () =>
      Effect.gen(function* () {
        const texts: Array<string> = []
        const failure = yield* failureOf(
          Stream.runForEach(askStreamed(), ({ text }) => Effect.sync(() => texts.push(text)))
        )
        assert.strictEqual(failure._tag, "StreamInterrupted")
        assert.lengthOf(texts, 3)
        const { messages } = yield* ChatOperations.getChatHistory({ chatId: "chat" })
        assert.isTrue(messages[1]?.text.startsWith(texts.join("")))
      }).pipe(Effect.provide(serve({ faults: [{ cut: { afterPieces: 3 } }] })))
    )

    it.live("leaves alone an answer of fewer pieces, and one that is no stream", () =>
      Effect.gen(function* () {
        const { text } = yield* ask()
        assert.strictEqual((yield* ChatStream.collect(askStreamed())).text, text)
      }).pipe(Effect.provide(serve({ faults: [{ cut: { afterPieces: 1000 } }, { cut: { afterPieces: 1001 } }] })))
    )

    it.live("never answers: beforeProcessing", () =>
      Effect.gen(function* () {
        const failure = yield* failureOf(ask({ timeouts: { firstByte: "50 millis" } }))
        assert.deepInclude(failure, { _tag: "TimeoutError", limit: "firstByte" })
        assert.strictEqual(yield* stored, 0)
      }).pipe(Effect.provide(serve({ faults: [{ stall: "beforeProcessing" }] })))
    )

    it.live("never answers: beforeHeaders", () =>
      Effect.gen(function* () {
        const winner = yield* Effect.raceFirst(Effect.flip(ask()), untilStored)
        assert.strictEqual(winner, 2)
      }).pipe(Effect.provide(serve({ faults: [{ stall: "beforeHeaders" }] })))
    )

    it.live("never answers: insideBody", () =>
      Effect.gen(function* () {
        const failure = yield* failureOf(ask({ timeouts: { total: "200 millis" } }))
        assert.deepInclude(failure, { _tag: "TimeoutError", limit: "total" })
      }).pipe(Effect.provide(serve({ faults: [{ stall: "insideBody" }] })))
    )

    it.live("stops after some pieces", () =>
      Effect.gen(function* () {
        const pieces: Array<unknown> = []
        const answer = askStreamed({ timeouts: { idle: "500 millis" } })
        const failure = yield* failureOf(Stream.runForEach(answer, (piece) => Effect.sync(() => pieces.push(piece))))
        assert.deepInclude(failure, { _tag: "TimeoutError", limit: "idle" })
        assert.lengthOf(pieces, 2)
      }).pipe(Effect.provide(serve({ faults: [{ stall: { afterPieces: 2 } }] })))
    )

    const statuses: ReadonlyArray<[FaultRule, object]> = [
      [
        { status: 429, retryAfter: "1500 millis" },
        { _tag: "RateLimited", retryAfter: 2000, detail: "Too Many Requests" }
      ],
      [
        { status: 503, detail: "Down until noon." },
        { _tag: "ServerError", retryAfter: undefined, detail: "Down until noon." }
      ],
      [{ status: 599 }, { _tag: "ServerError", body: '{"detail":"Error"}' }],
      [{ status: 422 }, { _tag: "InvalidRequest" }],
      [{ status: 401 }, { _tag: "Unauthorized" }],
      [{ status: 404 }, { _tag: "NotFound" }]
    ]
    for (const [rule, expected] of statuses) {
      it.effect(`answers ${JSON.stringify(rule)}`, () =>
        Effect.gen(function* () {
          const failure = yield* failureOf(ask())
          assert.deepInclude(failure, expected)
          assert.strictEqual(yield* stored, 0)
        }).pipe(Effect.provide(serve({ faults: [rule] })))
      )
    }

    it.live("strikes so many times, and the SDK gets over it", () =>
      Effect.gen(function* () {
        const { text } = yield* ask({ retry: { maxAttempts: 3 } })
        assert.include(text, "$5,000")
        assert.strictEqual(yield* stored, 2)
      }).pipe(Effect.provide(serve({ faults: [{ on: "chat", times: 2, status: 503, retryAfter: 0 }] })))
    )

    it.live("waits before it acts", () =>
      Effect.gen(function* () {
        const start = yield* Clock.currentTimeMillis
        yield* ask()
        // A timer may be early by less than a millisecond.
        assert.isAtLeast((yield* Clock.currentTimeMillis) - start, 49)
      }).pipe(
        Effect.provide(serve({ faults: [{ latency: "20 millis" }, { latency: "30 millis", upTo: "40 millis" }] }))
      )
    )
  })
}

describe("a rule", () => {
  for (const on of Object.keys(operations) as Array<Operation>) {
    it.effect(`on ${on} strikes that operation alone`, () =>
      Effect.gen(function* () {
        yield* Effect.flatMap(message, (message) => Chats.use((chats) => chats.ask(message)))
        const outcomes = yield* Effect.all(operations, { mode: "result" })
        const struck = Object.entries(outcomes).filter(([, outcome]) => outcome._tag === "Failure")
        assert.deepStrictEqual(
          struck.map(([name]) => name),
          [on]
        )
      }).pipe(Effect.provide(embedded({ faults: [{ on, status: 500 }] })))
    )
  }

  it.effect("leaves the other paths alone", () =>
    Effect.gen(function* () {
      const { url } = yield* LocalServer
      const { status } = yield* Effect.promise(() => fetch(`${url}/health`))
      assert.strictEqual(status, 200)
    }).pipe(Effect.provide(served({ faults: [{ cut: "beforeProcessing" }] })))
  )

  /** Which of the log's first 40 reads fail. */
  const failures = (options: ServiceOptions) =>
    Effect.forEach(Array.from({ length: 40 }), () => Effect.isFailure(ChatOperations.getChatLogs())).pipe(
      Effect.map((outcomes) => outcomes.map(Number).join("")),
      Effect.provide(embedded(options))
    )

  it.effect("strikes by chance the same requests for the same seed, others for another", () =>
    Effect.gen(function* () {
      const faults: ReadonlyArray<FaultRule> = [{ probability: 0.5, status: 500 }]
      const first = yield* failures({ faults, faultSeed: 7 })
      assert.match(first, /01.*10|10.*01/)
      assert.strictEqual(yield* failures({ faults, faultSeed: 7 }), first)
      assert.notStrictEqual(yield* failures({ faults, faultSeed: 8 }), first)
    })
  )

  it.effect("strikes with its probability", () =>
    Effect.gen(function* () {
      const judge = yield* makeJudge([{ probability: 0.1, status: 500 }], 0)
      const struck = Array.from({ length: 10_000 }, () => judge("chat")).filter(({ fault }) => fault !== undefined)
      assert.approximately(struck.length, 1000, 100)
      const never = yield* makeJudge([{ probability: 0, status: 500 }], 0)
      assert.isTrue(Array.from({ length: 1000 }, () => never("chat")).every(({ fault }) => fault === undefined))
    })
  )

  it.effect("is tried in its turn: latencies add up, and the first other fault is the last", () =>
    Effect.gen(function* () {
      const faults: ReadonlyArray<FaultRule> = [
        { latency: "10 millis" },
        { on: ["chat", "getChatLogs"], times: 1, status: 500 },
        { latency: "20 millis", upTo: "1 second" },
        { times: 1, cut: "insideBody" }
      ]
      const judge = yield* makeJudge(faults, 0)
      assert.deepStrictEqual(judge("chat"), { latency: 10, fault: faults[1] as never })
      const second = judge("getChatLogs")
      assert.deepStrictEqual(second.fault, faults[3] as never)
      assert.isTrue(second.latency >= 30 && second.latency < 1010)
      const third = judge("chat")
      assert.isUndefined(third.fault)
      assert.notStrictEqual(third.latency, second.latency)
    })
  )

  it.effect("that counts pieces is for streamed answers alone", () =>
    Effect.gen(function* () {
      const judge = yield* makeJudge([{ times: 1, stall: { afterPieces: 1 } }], 0)
      assert.isUndefined(judge("chat").fault)
      assert.isDefined(judge("streamChat").fault)
    })
  )

  const broken: ReadonlyArray<[rule: unknown, problem: string]> = [
    [{}, " must have exactly one of latency, status, cut and stall."],
    [null, " must have exactly one of latency, status, cut and stall."],
    [{ cut: undefined, status: 500 }, " must have exactly one of latency, status, cut and stall."],
    [{ status: 500, cut: "insideBody" }, " must have exactly one of latency, status, cut and stall."],
    [{ status: 500, probability: 1.5 }, ".probability must be a number from 0 to 1, got 1.5."],
    [{ status: 500, probability: NaN }, ".probability must be a number from 0 to 1, got NaN."],
    [{ status: 500, times: 0 }, ".times must be an integer of 1 or more, got 0."],
    [
      { status: 500, on: ["chat", "delete"] },
      ".on must be one or a list of getChatLogs, getChatHistory, chat, streamChat, got [ 'chat', 'delete' ]."
    ],
    [{ status: 200 }, ".status must be an integer from 400 to 599, got 200."],
    [{ status: 500, retryAfter: "soon" }, ".retryAfter must be a finite duration such as \"200 millis\", got 'soon'."],
    [{ status: 500, detail: 7 }, ".detail must be a string, got 7."],
    [{ status: 500, upTo: 7 }, ".upTo belongs to latency, not to status."],
    [{ latency: -1 }, '.latency must be a finite duration such as "200 millis", got -1.'],
    [{ latency: "Infinity" }, ".latency must be a finite duration such as \"200 millis\", got 'Infinity'."],
    [{ latency: 20, upTo: 10 }, ".upTo must not be shorter than latency, got 10."],
    [
      { cut: "somewhere" },
      ".cut must be beforeProcessing, beforeHeaders, insideBody or { afterPieces: 1 or more }, got 'somewhere'."
    ],
    [
      { stall: { afterPieces: 0 } },
      ".stall must be beforeProcessing, beforeHeaders, insideBody or { afterPieces: 1 or more }, got { afterPieces: 0 }."
    ],
    [
      { on: "chat", cut: { afterPieces: 1 } },
      ".on must be \"streamChat\" or left out where pieces are counted, got 'chat'."
    ],
    [
      { status: 500, chance: 0.1 },
      ".chance is unknown: a rule has on, probability, times, latency, upTo, status, retryAfter, detail, cut, stall."
    ]
  ]
  for (const [rule, problem] of broken) {
    it.effect(`${JSON.stringify(rule)} is refused`, () =>
      Effect.gen(function* () {
        const faults = [{ status: 500 }, rule as FaultRule]
        for (const layer of [LocalServer.layer({ port: 0, faults }), LocalServer.layerHttpClient({ faults })]) {
          const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
          assert.deepInclude(error, { _tag: "FaultRuleError", index: 1 })
          assert.strictEqual(error.message, `faults[1]${problem}`)
        }
      })
    )
  }

  for (const [rule, problem] of [
    ['{"status":7}', "faults[0].status must be an integer from 400 to 599, got 7."],
    ["status=7", "Expected: a rule in JSON"]
  ] as const) {
    it(`of the command line is refused: ${rule}`, async () => {
      const { code, stderr } = await runSource("packages/local/src/main.ts", ["--port", "0", "--fault", rule])
      assert.strictEqual(code, 1)
      assert.include(stderr, problem)
    })
  }
})
