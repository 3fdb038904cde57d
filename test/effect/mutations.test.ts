/**
 * Ten thousand random changes of valid responses: each gives a value or a `ChatError`, the same in both editions and
 * however the network cuts the body. A failure names its seed; `MUTATION_SEED=7` runs that one alone.
 */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import {
  ApiError,
  type ChatError,
  ChatHistoryResponse,
  ChatLogsResponse,
  ChatOperations,
  ChatResponse,
  type HttpClient,
  NotFound,
  Unauthorized,
  type WeavConfig
} from "@weavai/effect"
import { type ChatClient, createChatClient } from "@weavai/promise"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { setImmediate } from "node:timers/promises"
import { isDeepStrictEqual } from "node:util"
import { clientFor, inProcess } from "../support/client.ts"
import { cut, type Draft, draft, mutate } from "../support/mutations.ts"
import { makePrng, type Prng } from "../support/prng.ts"
import { type RawServer, startRawServer } from "../support/rawServer.ts"
import { event, head, lastChunk } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"
import { viaUndici } from "../undici/support.ts"

/** What came of a run: the values that it gave, and the error that it ended with. */
interface Outcome {
  readonly values: ReadonlyArray<unknown>
  readonly error?: ChatError
}

interface Operation {
  /** A valid response to the request for this target. */
  readonly valid: (random: Prng, target: string) => Draft
  readonly effect: Effect.Effect<Outcome, never, WeavConfig | HttpClient>
  readonly promise: (client: ChatClient) => Promise<Outcome>
  /** What has to come of a response, where that can be told without the SDK; of an error its tag. */
  readonly expected?: (response: Draft) => Expected | undefined
}

interface Expected {
  readonly values: ReadonlyArray<unknown>
  readonly error?: string
}

const ofEffect = <A>(call: Effect.Effect<A, ChatError, WeavConfig | HttpClient>) => ofStream(Stream.fromEffect(call))

const ofStream = <A>(stream: Stream.Stream<A, ChatError, WeavConfig | HttpClient>) =>
  Effect.suspend(() => {
    const values: Array<A> = []
    return Stream.runForEach(stream, (value) => Effect.sync(() => values.push(value))).pipe(
      Effect.match({
        onSuccess: (): Outcome => ({ values }),
        onFailure: (error): Outcome => ({ values, error })
      })
    )
  })

const ofPromise = (call: () => Promise<unknown>) =>
  ofIterable({
    async *[Symbol.asyncIterator]() {
      yield await call()
    }
  })

const ofIterable = async (iterable: AsyncIterable<unknown>): Promise<Outcome> => {
  const values: Array<unknown> = []
  try {
    for await (const value of iterable) values.push(value)
    return { values }
  } catch (error) {
    // Anything else that is thrown is a defect, and fails the test.
    if (isChatError(error)) return { values, error }
    throw error
  }
}

const isChatError = (error: unknown): error is ChatError =>
  error instanceof ApiError || error instanceof NotFound || error instanceof Unauthorized

const tagOf = (error: ChatError | undefined) => (error instanceof ApiError ? error.reason._tag : error?._tag)

const document = (body: unknown) => () => draft(JSON.stringify(body), "application/json")

const logRows = Array.from({ length: 5 }, (_, id) => ({ ...wire.logRow, id: `row${id}` }))
const walk = { pageSize: 2, concurrency: 2 }
/** A cursor holds the time at which its walk began. */
const withoutCursor = (row: object) => ({ ...row, cursor: undefined })

const frames = {
  "text/event-stream": event,
  "application/x-ndjson": (message: unknown) => `${JSON.stringify(message)}\n`,
  "application/json": (message: unknown) => JSON.stringify(message)
}
const streamTypes = ["text/event-stream", "text/event-stream", "application/x-ndjson", "application/json"] as const

const operations: { readonly [name: string]: Operation } = {
  chat: {
    valid: document(wire.chatResponse),
    effect: ofEffect(ChatOperations.chat(wire.question)),
    promise: (client) => ofPromise(() => client.chat(wire.question)),
    expected: (response) => expectedStatus(response) ?? expectedDocument(response, ChatResponse)
  },
  getChatHistory: {
    valid: document({ messages: [wire.historyMessage, wire.historyMessage] }),
    effect: ofEffect(ChatOperations.getChatHistory({ chatId: "c" })),
    promise: (client) => ofPromise(() => client.getChatHistory({ chatId: "c" })),
    expected: (response) => expectedStatus(response) ?? expectedDocument(response, ChatHistoryResponse)
  },
  getChatLogs: {
    valid: document({ messages: logRows, total_records: 5, current_skip: 0 }),
    effect: ofEffect(ChatOperations.getChatLogs()),
    promise: (client) => ofPromise(() => client.getChatLogs()),
    expected: (response) => expectedStatus(response) ?? expectedDocument(response, ChatLogsResponse)
  },
  chatLogs: {
    valid(_, target) {
      const skip = skipOf(target)
      return document({ messages: logRows.slice(skip, skip + 2), total_records: 5, current_skip: skip })()
    },
    effect: ofStream(Stream.map(ChatOperations.chatLogs(walk), withoutCursor)),
    async promise(client) {
      const outcome = await ofIterable(client.chatLogs(walk))
      return { ...outcome, values: outcome.values.map((row) => withoutCursor(row as object)) }
    }
  },
  streamChat: {
    valid(random) {
      const type = random.pick(streamTypes)
      const texts = type === "application/json" ? ["Hail."] : ["Hail ", "is ", "", "covered."]
      return draft(texts.map((text) => frames[type]({ ...wire.chatResponse, text })).join(""), type)
    },
    effect: ofStream(ChatOperations.streamChat(wire.question)),
    promise: (client) => ofIterable(client.streamChat(wire.question)),
    expected: (response) => expectedStatus(response) ?? expectedPieces(response)
  }
}

/** What a request is answered with depends on the request alone, not on how many came before it. */
const changedResponse = ({ expected, valid }: Operation, seed: number, target: string): Draft => {
  const random = makePrng(seed * 1000 + skipOf(target))
  const response = random.chance(0.1) ? refusal(random) : valid(random, target)
  // Some pages of a walk stay whole, so that it gets beyond the first.
  return expected === undefined && random.chance(0.5) ? response : mutate(random, response)
}

const skipOf = (target: string): number => Number(/[?&]skip=(\d+)/.exec(target)?.[1] ?? 0)

/** A refusal as the platform spells it. */
const refusal = (random: Prng): Draft => ({
  ...draft(
    JSON.stringify({
      detail: random.pick<unknown>([
        "No such chat.",
        [{ loc: ["body", "user_input"], msg: "Field required", type: "missing" }]
      ])
    }),
    "application/json"
  ),
  status: random.pick([400, 401, 404, 422, 429, 500, 503])
})

const expectedStatus = ({ status }: Draft): Expected | undefined => {
  if (status < 300) return undefined
  if (status >= 500) return { values: [], error: "ServerError" }
  const tags: { readonly [status: number]: string } = {
    400: "InvalidRequest",
    401: "Unauthorized",
    404: "NotFound",
    422: "InvalidRequest",
    429: "RateLimited"
  }
  return { values: [], error: tags[status] ?? "UnexpectedStatus" }
}

const expectedDocument = <A>(response: Draft, schema: Schema.Decoder<A>): Expected => {
  if (hasNoBody(response)) return { values: [], error: "InvalidResponse" }
  if (response.isBroken) return { values: [], error: "TransportError" }
  const value = Option.flatMap(parse(new TextDecoder().decode(response.body)), Schema.decodeUnknownOption(schema))
  return Option.isSome(value) ? { values: [value.value] } : { values: [], error: "InvalidResponse" }
}

/** Known where the pieces still have their frames, and the content type that goes with them. */
const expectedPieces = (response: Draft): Expected | undefined => {
  const body = response.body.toString()
  if (!response.isWellFormed || hasNoBody(response) || !body.endsWith("\n")) return undefined
  const isEventStream = body.startsWith("data: ")
  const type = isEventStream ? "text/event-stream" : "application/x-ndjson"
  if (response.headers["content-type"] !== type) return undefined

  const values: Array<ChatResponse> = []
  for (const line of body.split(/\n+/).slice(0, -1)) {
    const message = JSON.parse(isEventStream ? line.slice("data: ".length) : line)
    const piece = Schema.decodeUnknownOption(ChatResponse)(message)
    if (Option.isNone(piece)) return { values, error: reportsError(message) ? "StreamInterrupted" : "InvalidResponse" }
    values.push(piece.value)
  }
  return response.isBroken ? { values, error: "StreamInterrupted" } : { values }
}

const reportsError = (message: unknown): boolean =>
  typeof message === "object" && message !== null && !("text" in message) && ("error" in message || "detail" in message)

const parse = Option.liftThrowable((text: string): unknown => JSON.parse(text))

const isRedirect = ({ headers, status }: Draft): boolean => status >= 300 && status < 400 && "location" in headers

const hasNoBody = ({ status }: Draft): boolean => status === 204 || status === 205 || status === 304

/** A response whose body is delivered in these pieces. */
const deliver = (response: Draft, random: Prng): Response => {
  const { body, headers, isBroken, status } = response
  if (hasNoBody(response)) return new Response(null, { status, headers })
  const pieces = cut(random, body)
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces.shift()
        if (piece !== undefined) controller.enqueue(piece)
        else if (isBroken) controller.error(new TypeError("terminated"))
        else controller.close()
      }
    },
    { highWaterMark: 0 }
  )
  return new Response(stream, { status, headers })
}

const seeds = (count: number): ReadonlyArray<number> => {
  const only = process.env["MUTATION_SEED"]
  return only === undefined ? Array.from({ length: count }, (_, i) => i) : [Number(only)]
}

/** Runs a case for each seed; names the seed of one that fails, does not end, or leaves a rejection behind. */
const forEachSeed = async (count: number, run: (seed: number) => Promise<void>): Promise<void> => {
  const unhandled: Array<unknown> = []
  const onUnhandled = (error: unknown) => unhandled.push(error)
  process.on("unhandledRejection", onUnhandled)
  try {
    for (const seed of seeds(count)) {
      const limit = Promise.withResolvers<never>()
      const timer = setTimeout(() => limit.reject(new Error("it does not end")), 5000)
      try {
        await Promise.race([run(seed), limit.promise])
        // Node reports them when the microtasks have run.
        await setImmediate()
        if (unhandled.length > 0) throw unhandled[0]
      } catch (error) {
        throw new Error(`With MUTATION_SEED=${seed}: ${error instanceof Error ? error.message : error}`, {
          cause: error
        })
      } finally {
        clearTimeout(timer)
      }
    }
  } finally {
    process.off("unhandledRejection", onUnhandled)
  }
}

describe("in process", () => {
  /** Answers the requests of the run that is under way. */
  let respond: (target: string) => Response
  const retry = { maxAttempts: 2, baseDelay: 1, maxRetryAfter: 1 }
  // Errors are searched for the token, which takes the longer the longer it is.
  const authToken = "short"
  const service = ManagedRuntime.make(
    inProcess(({ url }) => respond(url), { authToken: Redacted.make(authToken), retry })
  )
  const client = createChatClient({
    env: "http://localhost",
    authToken,
    retry,
    fetch: async (input) => respond(String(input))
  })
  afterAll(() => Promise.all([service.dispose(), client.close()]))

  it.each(Object.entries(operations))(
    "%s gives a value or a ChatError",
    async (_, operation) => {
      const tally = new Map<string, number>()

      await forEachSeed(2000, async (seed) => {
        let last!: Draft
        let requests = 0
        const answerWith = (cuts: Prng) => {
          requests = 0
          respond = (target) => {
            if (++requests > 100) throw new Error("It asks for ever.")
            last = changedResponse(operation, seed, target)
            return deliver(last, cuts)
          }
        }
        answerWith(makePrng(seed))
        const outcome = await service.runPromise(operation.effect)
        answerWith(makePrng(-seed))
        same(await operation.promise(client), outcome)
        if (requests > 100) expect.fail("it asks for ever")

        const expected = isRedirect(last) ? undefined : operation.expected?.(last)
        const error = tagOf(outcome.error)
        if (expected !== undefined) same({ values: outcome.values, error }, { error: undefined, ...expected })
        tally.set(error ?? "value", (tally.get(error ?? "value") ?? 0) + 1)
      })
      if (process.env["MUTATION_SEED"] !== undefined) return
      // Neither did the changes leave everything as it was, nor nothing.
      for (const tag of ["value", "InvalidResponse", "ServerError", "NotFound"]) {
        expect([tag, tally.get(tag)]).toEqual([tag, expect.toSatisfy((count) => count > 10)])
      }
    },
    60_000
  )
})

/** `toEqual` of everything would take as long as all else. */
const same = (actual: unknown, expected: unknown): void => {
  if (!isDeepStrictEqual(actual, expected)) {
    expect(actual).toEqual(expected)
    expect.fail("not strictly equal")
  }
}

describe("over HTTP", () => {
  /** Answers the requests of the run that is under way. */
  let respond: (target: string) => Buffer
  let server: RawServer
  const runtimes: Array<ManagedRuntime.ManagedRuntime<WeavConfig | HttpClient, never>> = []
  beforeAll(async () => {
    server = await startRawServer(async ({ end, request, write }) => {
      await write(respond(request.target))
      end()
    })
    runtimes.push(ManagedRuntime.make(clientFor(server)), ManagedRuntime.make(viaUndici(server)))
  })
  afterAll(async () => {
    await Promise.all(runtimes.map((runtime) => runtime.dispose()))
    await server[Symbol.asyncDispose]()
  })

  it.each(Object.entries(operations))("%s gives a value or a ChatError", async (_, operation) => {
    let values = 0
    await forEachSeed(60, async (seed) => {
      respond = (target) => onTheWire(makePrng(seed), changedResponse(operation, seed, target))
      for (const runtime of runtimes) {
        const { error } = await runtime.runPromise(operation.effect)
        if (error === undefined) values++
      }
    })
    if (process.env["MUTATION_SEED"] === undefined) expect(values).toBeGreaterThan(0)
  })
})

/** A response whose head and framing are changed as well, all but the status line. */
const onTheWire = (random: Prng, { body, headers, isBroken, status }: Draft): Buffer => {
  const isChunked = random.chance(0.5)
  const framing = isChunked ? { "transfer-encoding": "chunked" } : { "content-length": `${body.length}` }
  const start = head({ connection: "close", ...framing, ...headers }, status)
  const statusLine = start.slice(0, start.indexOf("\n") + 1)
  const rest = Buffer.concat([
    Buffer.from(start.slice(statusLine.length), "latin1"),
    ...(isChunked
      ? cut(random, body)
          .filter(({ length }) => length > 0)
          .map(chunkOf)
      : [body]),
    Buffer.from(isChunked && !isBroken ? lastChunk : "")
  ])
  const changed = random.chance(0.5) ? mutate(random, { ...draft("", ""), body: rest }).body : rest
  return Buffer.concat([Buffer.from(statusLine), changed])
}

const chunkOf = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")])
