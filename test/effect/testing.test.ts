import { describe, expect, it } from "@effect/vitest"
import { NodeFileSystem } from "@effect/platform-node"
import {
  type CallOptions,
  ChatOperations,
  ChatStream,
  type HttpClient,
  WeavConfig,
  type WeavConfigOptions
} from "@weavai/effect"
import { Cassette, Reply, type Script, ScriptedChat, UnexpectedRequest } from "@weavai/effect/testing"
import { LocalServer } from "@weavai/local"
import { ApiError, createChatClient, type TransportError } from "@weavai/promise"
import { UndiciHttpClient } from "@weavai/undici"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { FetchHttpClient, HttpClient as Http } from "effect/http"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { failureOf, inProcess, token } from "../support/client.ts"
import { policyFolder } from "../support/policyFolder.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

const config = (options?: Partial<WeavConfigOptions>) =>
  Layer.orDie(WeavConfig.layer({ env: "https://subdomain.weav.ai/", authToken: Redacted.make(token), ...options }))

const scripted = (script: Script, options?: Partial<WeavConfigOptions>) =>
  Layer.mergeAll(config(options), ScriptedChat.layer(script))

/** The defect that an effect ends with. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.sandbox(effect).pipe(Effect.flip), (cause) => {
    const defect = Cause.squash(cause)
    return defect instanceof UnexpectedRequest ? defect : expect.fail(`must be unexpected, got ${defect}`)
  })

const { chat, getChatHistory, getChatLogs, streamChat } = ChatOperations
const ask = chat(wire.question)
const askStreamed = streamChat(wire.question)
const readHistory = getChatHistory({ chatId: wire.chatId })
const noRetry: CallOptions = { retry: false }

describe("ScriptedChat", () => {
  const atStart = new Date(0)

  it.effect("answers a message with a text, and fills in the rest", () =>
    Effect.gen(function* () {
      expect(yield* ask).toEqual({
        messageId: "message-1",
        chatId: wire.chatId,
        text: "$5,000.",
        timestamp: atStart,
        type: "assistant",
        vote: "no vote",
        searchResults: [],
        generateButton: null,
        tags: []
      })
    }).pipe(Effect.provide(scripted([Reply.chat("$5,000.")])))
  )

  it.effect("answers a message with what is given of a model", () =>
    Effect.gen(function* () {
      const reply = yield* ask
      expect(reply).toMatchObject({ text: "See page 3.", tags: ["2024"], messageId: "m7" })
      expect(reply.searchResults).toEqual([
        {
          text: "The deductible is $5,000.",
          fileId: wire.fileId,
          pageNumber: 3,
          score: 1,
          rank: 1,
          fileName: "document.pdf",
          classification: null,
          sectionHeaders: [],
          tags: []
        },
        expect.objectContaining({ rank: 2, score: 0.5, fileName: "claims.pdf" })
      ])
    }).pipe(
      Effect.provide(
        scripted([
          Reply.chat({
            messageId: "m7",
            text: "See page 3.",
            tags: ["2024"],
            searchResults: [{ text: "The deductible is $5,000.", pageNumber: 3 }, { fileName: "claims.pdf" }]
          })
        ])
      )
    )
  )

  it.effect("streams an answer, a piece at a time", () =>
    Effect.gen(function* () {
      const pieces: Array<string> = []
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(ChatStream.text(askStreamed), (text) => Effect.sync(() => pieces.push(text)))
      )
      yield* TestClock.adjust("1 second")
      expect(pieces).toEqual(["The deductible "])
      yield* TestClock.adjust("1 second")
      expect(pieces).toEqual(["The deductible ", "is $5,000."])
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(scripted([Reply.stream(["The deductible ", "is $5,000."], { pause: "1 second" })])))
  )

  it.effect("puts the pieces of a streamed answer into chunks of their own", () =>
    Effect.gen(function* () {
      const answer = yield* ChatStream.collect(askStreamed)
      expect(answer).toMatchObject({ text: "Hail. Ice.", searchResults: [{ fileName: "a.pdf" }] })
      const chunks = yield* Stream.runCollect(Stream.chunks(askStreamed))
      expect(chunks.map((pieces) => pieces.map(({ text }) => text))).toEqual([["1"], ["2"], ["3"]])
    }).pipe(
      Effect.provide(
        scripted([
          Reply.stream(["Hail. ", { text: "Ice.", searchResults: [{ fileName: "a.pdf" }] }]),
          Reply.stream(["1", "2", "3"])
        ])
      )
    )
  )

  it.effect.each([
    ["cut", "ECONNRESET", "cut"],
    ["ended by an error", 'the service reported: {"error":"overloaded"}', { error: "overloaded" }]
  ] as const)("streams an answer that is %s", ([, description, ending]) =>
    Effect.gen(function* () {
      const pieces: Array<string> = []
      const failure = yield* failureOf(
        Stream.runForEach(askStreamed, ({ text }) => Effect.sync(() => pieces.push(text)))
      )
      expect(pieces).toEqual(["The ", "deduct"])
      expect(failure).toMatchObject({ _tag: "StreamInterrupted", answer: { text: "The deduct" } })
      expect(failure.message).toContain(description)
    }).pipe(Effect.provide(scripted([Reply.stream(["The ", "deduct"], { ending })])))
  )

  it.effect("streams an answer that falls silent", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(failureOf(ChatStream.collect(askStreamed)))
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TimeoutError", limit: "idle" })
    }).pipe(Effect.provide(scripted([Reply.stream(["The "], { ending: "silence" })])))
  )

  it.effect("shows a chat's history", () =>
    Effect.gen(function* () {
      const { messages } = yield* readHistory
      expect(messages.map(({ chatId, messageId, text, type }) => [chatId, messageId, text, type])).toEqual([
        [wire.chatId, "message-1", "Is hail covered?", "user"],
        [wire.chatId, "message-2", "Yes.", "assistant"],
        [wire.chatId, "m3", "Thanks.", "user"]
      ])
    }).pipe(
      Effect.provide(scripted([Reply.history(["Is hail covered?", "Yes.", { messageId: "m3", text: "Thanks." }])]))
    )
  )

  it.effect("shows log rows page by page, to a walk as well", () =>
    Effect.gen(function* () {
      const page = yield* getChatLogs({ skip: 240, limit: 20 })
      expect(page).toMatchObject({ totalRecords: 250, currentSkip: 240 })
      expect(page.messages.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, i) => `row-${241 + i}`))
      const texts = yield* Stream.runCollect(Stream.map(ChatOperations.chatLogs({ pageSize: 40 }), ({ text }) => text))
      expect(texts).toEqual(Array.from({ length: 250 }, (_, i) => `message ${i}`))
      const { requests } = yield* ScriptedChat
      expect(requests.slice(1).map(({ request }) => "skip" in request && request.skip)).toEqual([
        0, 40, 80, 120, 160, 200, 240
      ])
    }).pipe(
      Effect.provide(
        scripted({ getChatLogs: () => Reply.logs(Array.from({ length: 250 }, (_, i) => ({ text: `message ${i}` }))) })
      )
    )
  )

  it.effect("shows the log rows of a range", () =>
    Effect.gen(function* () {
      const range = { startDatetime: "2024-02-01T00:00:00Z", endDatetime: new Date("2024-02-29T00:00:00Z") }
      const { messages } = yield* getChatLogs(range)
      expect(messages.map(({ text }) => text)).toEqual(["first", "last", "no time"])
    }).pipe(
      Effect.provide(
        scripted([
          Reply.logs([
            { text: "before", timestamp: new Date("2024-01-31T23:59:59.999Z") },
            { text: "first", timestamp: new Date("2024-02-01T00:00:00Z") },
            { text: "last", timestamp: new Date("2024-02-29T00:00:00Z") },
            { text: "after", timestamp: new Date("2024-02-29T00:00:00.001Z") },
            { text: "no time" }
          ])
        ])
      )
    )
  )

  it.effect("fails with a status, with detail, Retry-After and other headers", () =>
    Effect.gen(function* () {
      expect(yield* failureOf(chat(wire.question, noRetry))).toMatchObject({
        _tag: "RateLimited",
        retryAfter: 2000,
        detail: "slow down",
        requestId: "r1"
      })
      expect(yield* failureOf(ask)).toMatchObject({ _tag: "NotFound", detail: undefined })
    }).pipe(
      Effect.provide(
        scripted([
          Reply.status(429, {
            detail: "slow down",
            retryAfter: "1500 millis",
            headers: { "x-request-id": "r1" }
          }),
          Reply.status(404)
        ])
      )
    )
  )

  it.effect("rehearses retries: a status, a refused connection, then an answer", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(ask)
      yield* TestClock.adjust("2 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("8 seconds")
      expect((yield* Fiber.join(fiber)).text).toBe("At last.")
      expect((yield* ScriptedChat).requests).toHaveLength(3)
    }).pipe(
      Effect.provide(
        scripted([
          Reply.status(429, { retryAfter: "2 seconds" }),
          Reply.broken("ECONNREFUSED"),
          Reply.delay(Reply.chat("At last."), "1 second")
        ])
      )
    )
  )

  it.effect("breaks a connection, and never answers", () =>
    Effect.gen(function* () {
      expect(yield* failureOf(ask)).toMatchObject({ _tag: "TransportError", code: "ECONNRESET" })
      const fiber = yield* Effect.forkChild(failureOf(ask))
      yield* TestClock.adjust("2 minutes")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TimeoutError", limit: "firstByte" })
    }).pipe(Effect.provide(scripted([Reply.broken(), Reply.silence])))
  )

  it.effect("takes a reply that the test writes itself", () =>
    Effect.gen(function* () {
      expect(yield* failureOf(ask)).toMatchObject({ _tag: "InvalidResponse", body: "<html>" })
    }).pipe(Effect.provide(scripted([() => Effect.succeed(new Response("<html>"))])))
  )

  it.effect("remembers what was asked, without the token", () =>
    Effect.gen(function* () {
      yield* ask
      yield* Stream.runDrain(askStreamed)
      yield* readHistory
      yield* getChatLogs({ startDatetime: new Date(0), isSopChat: true })
      const { requests } = yield* ScriptedChat
      const history = `/chat-service/chat_history?chat_id=${encodeURIComponent(wire.chatId)}`
      const logs =
        "/chat-service/chat_logs/?skip=0&limit=25&start_datetime=1970-01-01T00%3A00%3A00.000Z&is_sop_chat=true"
      expect(requests.map(({ method, operation, path, request }) => ({ operation, request, method, path }))).toEqual([
        { operation: "chat", request: wire.question, method: "POST", path: "/chat-service/chat" },
        { operation: "streamChat", request: wire.question, method: "POST", path: "/chat-service/chat" },
        { operation: "getChatHistory", request: { chatId: wire.chatId }, method: "GET", path: history },
        {
          operation: "getChatLogs",
          request: { skip: 0, limit: 25, startDatetime: "1970-01-01T00:00:00.000Z", isSopChat: true },
          method: "GET",
          path: logs
        }
      ])
      expect(requests[0]?.headers).toMatchObject({
        authorization: "Bearer <redacted>",
        "content-type": "application/json",
        "x-tenant": "7"
      })
      expect(inspect(requests, { depth: Infinity, showHidden: true })).not.toContain(token)
    }).pipe(
      Effect.provide(
        scripted([Reply.chat("1"), Reply.stream(["2"]), Reply.history([]), Reply.logs([])], {
          transformRequest: (request) => Object.assign(request, { headers: { ...request.headers, "x-tenant": "7" } })
        })
      )
    )
  )

  it.effect("answers each operation by a handler, or a list of its own", () =>
    Effect.gen(function* () {
      const [reply, history] = yield* Effect.all([ask, readHistory], { concurrency: "unbounded" })
      expect(reply.text).toBe("0: What is the deductible?")
      expect(history.messages).toHaveLength(1)
      expect((yield* ask).text).toBe("1: What is the deductible?")
      expect(yield* failureOf(readHistory)).toMatchObject({ _tag: "NotFound" })
    }).pipe(
      Effect.provide(
        scripted({
          chat: ({ userInput }, index) => Reply.chat(`${index}: ${userInput}`),
          getChatHistory: [Reply.history(["Hi"]), Reply.status(404)]
        })
      )
    )
  )

  it.effect("begins anew each time that its layer is built", () =>
    Effect.gen(function* () {
      const layer = scripted([Reply.chat("first")])
      expect((yield* Effect.provide(ask, layer)).text).toBe("first")
      expect((yield* Effect.provide(ask, layer)).text).toBe("first")
    })
  )

  describe("a request that the script has no reply to is a defect", () => {
    const unexpected: ReadonlyArray<[string, Script, RegExp]> = [
      ["a list at its end", [Reply.chat("1")], /^the script has no reply to request 2, getChatHistory \{"chatId":"goo/],
      ["no handler", { chat: [Reply.chat("1")] }, /^the script has no reply to request 2, getChatHistory/],
      ["a handler's list at its end", { chat: [Reply.chat("1")], getChatHistory: [] }, /^the script has no reply/],
      [
        "another operation's reply",
        [Reply.chat("1"), Reply.chat("2")],
        /^Reply\.chat is no reply to getChatHistory, which sent GET \/chat-service\/chat_history\?chat_id=/
      ]
    ]
    it.effect.each(unexpected)("%s", ([, script, message]) =>
      Effect.gen(function* () {
        yield* ask
        // A program that retries and recovers does not hide it.
        const defect = yield* defectOf(Effect.catch(readHistory, () => Effect.succeed("recovered")))
        expect(defect.message).toMatch(message)
      }).pipe(Effect.provide(scripted(script)))
    )

    it.effect("a request of no operation", () =>
      Effect.gen(function* () {
        const defect = yield* defectOf(Http.get("https://example.com/?page=1"))
        expect(defect.message).toBe("GET https://example.com/?page=1 is no request of the chat service's operations")
      }).pipe(Effect.provide(scripted([Reply.chat("1")])))
    )
  })

  describe("as fetch", () => {
    const clientWith = ({ fetch }: { readonly fetch: typeof globalThis.fetch }) =>
      createChatClient({ env: "local", authToken: token, fetch, retry: false })

    it("answers the Promise edition", async () => {
      const chat = ScriptedChat.fetch([Reply.chat("Hail."), Reply.stream(["a", "b"]), Reply.broken("ECONNREFUSED")])
      await using client = clientWith(chat)
      expect((await client.chat(wire.question)).text).toBe("Hail.")
      expect((await client.streamChat(wire.question).final()).text).toBe("ab")
      const error = await client.chat(wire.question).catch((error: unknown) => error as ApiError)
      expect((error as ApiError).reason as TransportError).toMatchObject({ code: "ECONNREFUSED" })
      expect(chat.requests.map(({ operation }) => operation)).toEqual(["chat", "streamChat", "chat"])
    })

    it("names a request that it does not expect", async () => {
      await using client = clientWith(ScriptedChat.fetch([]))
      await expect(client.chat(wire.question)).rejects.toThrow("the script has no reply to request 1, chat {")
    })

    it("rejects with the reason of an abort", async () => {
      const controller = new AbortController()
      const { fetch } = ScriptedChat.fetch([Reply.silence])
      const url = "http://localhost/chat_history?chat_id=1"
      const pending = fetch(url, { signal: controller.signal })
      controller.abort(new Error("enough"))
      await expect(pending).rejects.toThrow("enough")
    })
  })
})

describe("Cassette", () => {
  /** A folder to keep cassettes in. */
  const folder = Effect.flatMap(FileSystem, (fs) => fs.makeTempDirectoryScoped())

  /** A network whose use fails the test. */
  const noNetwork = Layer.succeed(
    FetchHttpClient.Fetch,
    async () => await Promise.reject(new Error("the network was used"))
  ).pipe((Fetch) => Layer.provide(FetchHttpClient.layer, Fetch))

  const recording = (
    path: string,
    respond: (request: Request) => Response | Promise<Response>,
    options?: Cassette.CassetteOptions
  ) => Layer.provideMerge(Cassette.layer(path, { mode: "record", ...options }), inProcess(respond))

  const replaying = (path: string, options?: Cassette.CassetteOptions) =>
    Layer.mergeAll(config(), Layer.provide(Cassette.layer(path, options), noNetwork))

  const readFile = (path: string) => Effect.flatMap(FileSystem, (fs) => fs.readFileString(path))

  const inChunks = (chunks: ReadonlyArray<Uint8Array | string>, contentType = "text/event-stream", isCut = false) =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const chunk of chunks) {
            controller.enqueue(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk)
          }
          if (!isCut) controller.close()
        },
        pull: (controller) => controller.error(new TypeError("terminated"))
      }),
      { headers: { "content-type": contentType } }
    )

  const chunksOf = (
    effect: Effect.Effect<{ readonly stream: Stream.Stream<Uint8Array, unknown> }, unknown, Http.HttpClient>
  ) =>
    Effect.flatMap(effect, ({ stream }) =>
      Stream.runCollect(Stream.map(stream, (bytes) => new TextDecoder().decode(bytes)))
    )

  it.effect("replays a walk on another day, though it asks for another range then", () =>
    Effect.gen(function* () {
      const path = `${yield* folder}/walk.json`
      const walk = Stream.runCollect(ChatOperations.chatLogs({ pageSize: 1 }))
      const service = Layer.mergeAll(config(), ScriptedChat.layer({ getChatLogs: () => Reply.logs([{}, {}, {}]) }))
      const record = Cassette.layer(path, { mode: "record" })
      const recorded = yield* Effect.provide(walk, Layer.provideMerge(record, service))
      yield* TestClock.adjust("1 day")
      const replayed = yield* Effect.provide(walk, replaying(path))
      expect(recorded).toHaveLength(3)
      expect(replayed.map(({ id }) => id)).toEqual(recorded.map(({ id }) => id))
      expect((yield* defectOf(Effect.provide(walk, replaying(path, { ignore: [] })))).message).toMatch(
        /nearest request in it, query.end_datetime was 1970-01-01T\S+ and is now 1970-01-02T\S+$/
      )
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.layer(NodeFileSystem.layer, { excludeTestServices: true })((it) => {
    it.effect("records the local service and replays it, answers, streams, pages and errors", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/new/folder/local.json`
        const { documents } = yield* policyFolder

        const program = Effect.fnUntraced(function* (fileId: string) {
          const message = { userInput: "What is the windstorm deductible?", chatId: "a chat", fileId }
          const answer = yield* chat(message)
          const pieces = yield* Stream.runCollect(streamChat(message))
          const history = yield* getChatHistory({ chatId: "a chat" })
          const rows = yield* Stream.runCollect(
            Stream.map(ChatOperations.chatLogs({ pageSize: 1, concurrency: 2 }), ({ cursor, ...row }) => ({
              ...row,
              isCursor: cursor !== ""
            }))
          )
          const missing = yield* failureOf(getChatHistory({ chatId: "another" }))
          return { answer, pieces, history, rows, missing: { ...missing } }
        })

        const { fileId, recorded } = yield* Effect.gen(function* () {
          const { documents, url } = yield* LocalServer
          const { fileId } = documents[0]!
          const client = Layer.provide(Cassette.layer(path, { mode: "record" }), UndiciHttpClient.layer())
          return { fileId, recorded: yield* Effect.provide(program(fileId), [config({ env: url }), client]) }
        }).pipe(Effect.provide(LocalServer.layer({ port: 0, documents: [documents] })))

        expect(recorded.pieces.length).toBeGreaterThan(1)
        expect(recorded.rows).toHaveLength(4)
        const replayed = yield* Effect.provide(program(fileId), replaying(path))
        expect(replayed).toEqual(recorded)
      })
    )

    it.effect("writes a file that people can read, and review changes of", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/readable.json`
        const body = JSON.stringify({ ...wire.piece("Hail."), extra: [1, null] }, null, 1)
        const respond = (request: Request) =>
          request.method === "POST"
            ? new Response(body, {
                headers: {
                  "x-request-id": "r1",
                  "content-type": "application/json",
                  date: "Wed, 25 Sep 2024 19:12:20 GMT",
                  "set-cookie": "session=1"
                }
              })
            : new Response("<html>", { status: 502 })
        yield* Effect.all([ask, Effect.exit(getChatLogs())]).pipe(Effect.provide(recording(path, respond)))

        const file = {
          version: 1,
          exchanges: [
            {
              request: {
                method: "POST",
                path: "/chat-service/chat",
                json: {
                  user_input: "What is the deductible?",
                  file_id: wire.fileId,
                  chat_id: wire.chatId,
                  stream: false
                }
              },
              response: {
                status: 200,
                headers: {
                  "content-type": "application/json",
                  date: "Wed, 25 Sep 2024 19:12:20 GMT",
                  "x-request-id": "r1"
                },
                json: JSON.parse(body)
              }
            },
            {
              request: { method: "GET", path: "/chat-service/chat_logs/?skip=0&limit=25&is_sop_chat=false" },
              response: { status: 502, headers: { "content-type": "text/plain;charset=UTF-8" }, chunks: ["<html>"] }
            }
          ]
        }
        const text = yield* readFile(path)
        expect(text).toBe(`${JSON.stringify(file, null, 2)}\n`)
        expect(Schema.decodeUnknownSync(Cassette.CassetteFile)(JSON.parse(text))).toEqual(file)
      })
    )

    it.effect("keeps the chunks of a stream, wherever they are cut", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/chunks.json`
        const events = [wire.piece("Hägel. "), wire.piece("雹")].map((piece) => `data: ${JSON.stringify(piece)}\n\n`)
        const bytes = new TextEncoder().encode(events.join(""))
        const inUmlaut = bytes.indexOf(0xc3) + 1
        const chunks = [bytes.subarray(0, 7), bytes.subarray(7, inUmlaut), bytes.subarray(inUmlaut)]
        const read = Effect.all([
          chunksOf(Http.post("http://localhost/chat")),
          Effect.map(ChatStream.collect(askStreamed), ({ text }) => text)
        ])
        const recorded = yield* Effect.provide(
          read,
          recording(path, () => inChunks(chunks))
        )
        const text = events.join("")
        expect(recorded).toEqual([
          [text.slice(0, 7), text.slice(7, text.indexOf("ä")), text.slice(text.indexOf("ä"))],
          "Hägel. 雹"
        ])
        expect(yield* Effect.provide(read, replaying(path))).toEqual(recorded)
      })
    )

    it.effect("keeps where a stream was cut", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/cut.json`
        const event = `data: ${JSON.stringify(wire.piece("Hail"))}\n\n`
        const read = failureOf(ChatStream.collect(askStreamed))
        const recorded = yield* Effect.provide(
          read,
          recording(path, () => inChunks([event], undefined, true))
        )
        expect(recorded).toMatchObject({ _tag: "StreamInterrupted", answer: { text: "Hail" } })
        expect(yield* readFile(path)).toContain('"isCut": true')
        expect(yield* Effect.provide(read, replaying(path))).toEqual(recorded)
      })
    )

    it.effect("replays a body that is empty, and one that says it is JSON and is not", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/odd.json`
        const bodies = [null, "{", ""]
        const respond = () => new Response(bodies.shift()!, { headers: { "content-type": "application/json" } })
        const read = Effect.forEach([1, 2, 3], () => Effect.map(failureOf(ask), ({ message }) => message))
        const recorded = yield* Effect.provide(read, recording(path, respond))
        expect(recorded).toEqual([
          expect.stringContaining("the body is empty"),
          expect.stringContaining("the body is no JSON"),
          expect.stringContaining("the body is empty")
        ])
        expect(yield* Effect.provide(read, replaying(path))).toEqual(recorded)
      })
    )

    it.effect("replays like requests in the order in which they were recorded, each once", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/order.json`
        let count = 0
        const respond = () => Response.json({ ...wire.chatResponse, text: `${++count}` })
        const twice = Effect.map(Effect.all([ask, ask]), (replies) => replies.map(({ text }) => text))
        expect(yield* Effect.provide(twice, recording(path, respond))).toEqual(["1", "2"])
        yield* Effect.gen(function* () {
          expect(yield* twice).toEqual(["1", "2"])
          expect((yield* defectOf(ask)).message).toMatch(
            /^the cassette \/.+order.json has replayed all .+ POST .+\/chat \{/
          )
        }).pipe(Effect.provide(replaying(path)))
      })
    )

    it.effect("keeps the order of requests that are under way together", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/together.json`
        const second = Promise.withResolvers<void>()
        const respond = async (request: Request) => {
          if (request.url.includes("chat_id=1")) await second.promise
          else second.resolve()
          return Response.json(wire.chatHistory)
        }
        const both = Effect.all([getChatHistory({ chatId: "1" }), getChatHistory({ chatId: "2" })], {
          concurrency: "unbounded"
        })
        yield* Effect.provide(both, recording(path, respond))
        expect(Array.from((yield* readFile(path)).matchAll(/chat_id=\d/g), String)).toEqual(["chat_id=1", "chat_id=2"])
      })
    )

    it.effect("shows the nearest request that was recorded", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/nearest.json`
        const respond = (request: Request) =>
          Response.json(request.method === "POST" ? wire.chatResponse : wire.chatLogs)
        yield* Effect.all([ask, getChatLogs({ skip: 5 })]).pipe(Effect.provide(recording(path, respond)))
        yield* Effect.gen(function* () {
          const recovers = Effect.catch(chat({ ...wire.question, userInput: "Is hail covered?" }), () => Effect.void)
          expect((yield* defectOf(recovers)).message).toMatch(
            /nearest request in it, body.user_input was "What is the deductible\?" and is now "Is hail covered\?"$/
          )
          expect((yield* defectOf(getChatLogs({ skip: 5, limit: 10, startDatetime: "2024-01-01" }))).message).toMatch(
            /in it, query.limit was 25 and is now 10, query.start_datetime was undefined and is now 2024-01-01$/
          )
        }).pipe(Effect.provide(replaying(path)))
      })
    )

    it.effect("does not compare what it is told to ignore, and prefers what agrees on it all the same", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/ignore.json`
        const respond = async (request: Request) =>
          Response.json({ ...wire.chatResponse, text: (await request.json()).chat_id })
        const within = (chatId: string) => Effect.map(chat({ ...wire.question, chatId }), ({ text }) => text)
        yield* Effect.all(["a", "b"].map(within)).pipe(Effect.provide(recording(path, respond)))
        const replies = yield* Effect.all(["b", "c"].map(within)).pipe(
          Effect.provide(replaying(path, { ignore: ["body.chat_id"] }))
        )
        expect(replies).toEqual(["b", "a"])
      })
    )

    it.effect("sends only what is missing in the mode auto, and adds it", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/auto.json`
        const sent: Array<string> = []
        const respond = async (request: Request) => {
          const { user_input } = await request.json()
          sent.push(user_input)
          return Response.json({ ...wire.chatResponse, text: `re: ${user_input}` })
        }
        const auto = recording(path, respond, { mode: "auto" })
        const say = (...inputs: ReadonlyArray<string>) =>
          Effect.forEach(inputs, (userInput) => Effect.map(chat({ ...wire.question, userInput }), ({ text }) => text))

        expect(yield* Effect.provide(say("1"), auto)).toEqual(["re: 1"])
        expect(yield* Effect.provide(say("1", "2"), auto)).toEqual(["re: 1", "re: 2"])
        expect(sent).toEqual(["1", "2"])
        const text = yield* readFile(path)
        expect(yield* Effect.provide(say("2", "1"), auto)).toEqual(["re: 2", "re: 1"])
        expect(yield* readFile(path)).toBe(text)
        expect(yield* Effect.provide(say("2", "1"), replaying(path))).toEqual(["re: 2", "re: 1"])
        yield* Effect.provide(say("3"), recording(path, respond))
        expect((yield* defectOf(Effect.provide(say("1"), replaying(path)))).message).toContain('was "3" and is now "1"')
      })
    )

    it.effect("does not record a request that got no response", () =>
      Effect.gen(function* () {
        const path = `${yield* folder}/failed.json`
        const respond = () => Promise.reject(new TypeError("fetch failed"))
        expect(yield* Effect.provide(failureOf(ask), recording(path, respond))).toMatchObject({
          _tag: "TransportError"
        })
        expect(JSON.parse(yield* readFile(path))).toEqual({ version: 1, exchanges: [] })
        expect((yield* defectOf(Effect.provide(ask, replaying(path)))).message).toMatch(
          /is empty, and was asked for POST/
        )
      })
    )

    describe("refuses", () => {
      const refused = (path: string, options?: Cassette.CassetteOptions) =>
        Effect.map(Effect.flip(Effect.provide(readHistory, replaying(path, options))), ({ _tag, message }) => ({
          _tag,
          message
        }))
      const files: ReadonlyArray<[string, string, RegExp]> = [
        ["a file that is no JSON", "{", /is not in the format of cassettes: /],
        ["a file of something else", '{"version":1,"tracks":[]}', /is not in the format of cassettes: .*\n.*exchanges/],
        [
          "a file of a newer version",
          '{"version":2,"exchanges":[]}',
          /is not in the format of cassettes: .*\n.*version/
        ]
      ]
      it.effect.each(files)("%s", ([, text, message]) =>
        Effect.gen(function* () {
          const path = `${yield* folder}/file.json`
          yield* Effect.flatMap(FileSystem, (fs) => fs.writeFileString(path, text))
          const error = yield* refused(path)
          expect(error._tag).toBe("CassetteError")
          expect(error.message).toMatch(message)
        })
      )

      it.effect("to replay a file that is not there", () =>
        Effect.gen(function* () {
          const path = `${yield* folder}/none.json`
          const message = `the cassette ${path} does not exist: record it with mode "record"`
          expect(yield* refused(path)).toEqual({ _tag: "CassetteError", message })
        })
      )

      it.effect.each(["", /x*/])("to redact %o", (secret) =>
        Effect.gen(function* () {
          expect((yield* refused("any", { redact: [secret] })).message).toContain("redact")
        })
      )
    })

    describe("holds no secret", () => {
      const opaque = 'weav/"s3cr3t"\\+k=y%'
      const anotherJwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl"
      const name = "Jörg 雹 Müller"
      const spellings: ReadonlyArray<[string, string, string, string]> = [
        ["a JWT", token, token, token],
        ["another's JWT", opaque, anotherJwt, anotherJwt],
        ["a token", opaque, opaque, opaque],
        ["a token, percent-encoded", opaque, opaque, encodeURIComponent(opaque)],
        ["a token, percent-encoded in lower case", opaque, opaque, encodeURIComponent(opaque).toLowerCase()],
        ["a token, JSON-escaped twice", opaque, opaque, JSON.stringify(JSON.stringify(opaque)).slice(3, -3)],
        ["what is redacted", opaque, name, name],
        ["what is redacted, percent-encoded", opaque, name, encodeURIComponent(name)],
        ["what is redacted, JSON-escaped", opaque, name, "J\\u00f6rg \\u96f9 M\\u00fcller"],
        ["what a pattern redacts", opaque, "policy-number-4711", "policy-number-4711"]
      ]

      it.effect.each(spellings)("%s, wherever it is", ([, authToken, plain, secret]) =>
        Effect.gen(function* () {
          const path = `${yield* folder}/secrets.json`
          const events = ["a ", "b "].map((text) => `data: ${JSON.stringify(wire.piece(text + secret))}\n\n`)
          const stream = events.join("") + `: ${secret}\n\n`
          const headers = {
            "content-type": "text/plain",
            "x-request-id": secret.replace(/[^ -~]+/g, encodeURIComponent),
            "set-cookie": `session=${encodeURIComponent(plain)}`,
            location: `/there?token=${encodeURIComponent(plain)}`
          }
          const responses = [
            () => Response.json({ ...wire.chatResponse, text: secret, [secret]: [secret] }),
            () => new Response(secret, { status: 500, headers }),
            () => inChunks(Array.from(stream.matchAll(/.{1,3}/gsu), ([text]) => text)),
            () => inChunks([stream])
          ]
          const program = Effect.gen(function* () {
            const answer = yield* chat({ ...wire.question, userInput: secret })
            yield* Effect.exit(getChatHistory({ chatId: plain }))
            return [answer, yield* ChatStream.collect(askStreamed), yield* ChatStream.collect(askStreamed)].map(
              ({ text }) => text
            )
          })
          const redact = [name, /policy-number-\d+/]
          const options = { authToken: Redacted.make(authToken) }
          const below = inProcess(() => responses.shift()!(), options)
          const record = Layer.provideMerge(Cassette.layer(path, { mode: "record", redact }), below)
          const recorded = yield* Effect.provide(program, record)
          expect(recorded).toEqual([secret, `a ${secret}b ${secret}`, `a ${secret}b ${secret}`])

          const text = yield* readFile(path)
          expect(text).not.toContain(secret)
          expect(text).not.toContain(JSON.stringify(secret).slice(1, -1))
          expect(text).not.toContain(encodeURIComponent(plain))
          expect(text).not.toMatch(/s3cr3t|eyJ|authorization|cookie|Müller|4711/i)

          const replay = Layer.mergeAll(config(options), Layer.provide(Cassette.layer(path, { redact }), noNetwork))
          expect(yield* Effect.provide(program, replay)).toEqual(
            recorded.map((answer) => answer.replaceAll(secret, "<redacted>"))
          )
        })
      )

      it.effect("a token that came in an earlier response", () =>
        Effect.gen(function* () {
          const path = `${yield* folder}/refresh.json`
          const respond = (request: Request) =>
            request.url.endsWith("/token") ? new Response(opaque) : Response.json(wire.chatResponse)
          const program: Effect.Effect<unknown, unknown, Http.HttpClient> = Effect.gen(function* () {
            const client = yield* Http.HttpClient
            const source = Effect.flatMap(client.get("http://localhost/token"), ({ text }) => text)
            return yield* Effect.provide(ask, config({ authToken: Effect.map(source, Redacted.make) }))
          })
          const recorded = yield* Effect.provide(program, recording(path, respond))
          expect(yield* readFile(path)).not.toContain("s3cr3t")
          expect(yield* Effect.provide(program, replaying(path))).toEqual(recorded)
        })
      )

      it.effect("but leaves the words of a text, where a token is one", () =>
        Effect.gen(function* () {
          const path = `${yield* folder}/any.json`
          const below = inProcess(() => Response.json(wire.chatResponse), { authToken: Redacted.make("The") })
          const record = Layer.provideMerge(Cassette.layer(path, { mode: "record" }), below)
          yield* Effect.provide(ask, record)
          expect(yield* readFile(path)).toContain("The **deductible** is")
        })
      )
    })
  })
})

// The layer asks for what it uses, and for nothing else.
const typed: Layer.Layer<HttpClient, Cassette.CassetteError, HttpClient | FileSystem> = Cassette.layer("a.json")
void typed
