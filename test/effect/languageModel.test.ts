/**
 * Programs written against `effect/ai`, run over Weav's chat.
 */
import { describe, expect, it, layer } from "@effect/vitest"
import { ApiError, ChatOperations, NotFound, Unauthorized, WeavConfig, type WeavConfigOptions } from "@weavai/effect"
import * as WeavLanguageModel from "@weavai/effect/WeavLanguageModel"
import { Chats, LocalServer } from "@weavai/local"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ExecutionPlan from "effect/ExecutionPlan"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { AiError, Chat, LanguageModel, Model, Prompt, type Response as AiResponse, Tool, Toolkit } from "effect/ai"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as TestClock from "effect/testing/TestClock"
import { clientFor, inProcess, token } from "../support/client.ts"
import { handFed } from "../support/handFed.ts"
import { policyFolder, question } from "../support/policyFolder.ts"
import { rawServer } from "../support/rawServer.ts"
import { chunk, event, eventStreamHead } from "../support/responses.ts"
import { spanRecorder } from "../support/spans.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

const deltas = (parts: Iterable<AiResponse.StreamPart<{}>>) =>
  Array.from(parts).flatMap((part) => (part.type === "text-delta" ? [part.delta] : []))

describe("over the local service", () => {
  const Service = Layer.unwrap(
    Effect.map(policyFolder, ({ documents }) => LocalServer.layerHttpClient({ documents: [documents] }))
  ).pipe(Layer.merge(WeavConfig.layer({ env: "local", authToken: Redacted.make(token) })))

  layer(Service)((it) => {
    const weav = (options?: Partial<WeavLanguageModel.Options>) =>
      Layer.unwrap(
        Effect.map(LocalServer, ({ documents }) =>
          WeavLanguageModel.layer({ fileId: documents[0]!.fileId, ...options })
        )
      )

    /** What users said in a chat, in its order. */
    const saidIn = (chatId: string) =>
      Effect.map(
        Effect.flatMap(Chats, (chats) => chats.history(chatId)),
        ({ messages }) => messages.flatMap(({ text, type }) => (type === "user" ? [text] : []))
      )

    /** The chats that an `effect/ai` chat has been answered in. */
    const chatIdsOf = (chat: Chat.Chat) =>
      Effect.map(Ref.get(chat.history), ({ content }) =>
        content.flatMap((message) =>
          message.role === "assistant"
            ? message.content.map(({ options }) => (options["weav"] as { readonly chatId: string }).chatId)
            : []
        )
      )

    it.effect("text is what chat answers, with its passages as sources", () =>
      Effect.gen(function* () {
        const { documents } = yield* LocalServer
        const { fileId } = documents[0]!
        const reply = yield* ChatOperations.chat({ userInput: question, chatId: "asked directly", fileId })
        const response = yield* LanguageModel.generateText({ prompt: question }).pipe(
          Effect.provide(weav({ chatId: "asked by model" }))
        )
        expect(response.text).toBe(reply.text)
        expect(response.text).toContain("$5,000")
        expect(response.finishReason).toBe("stop")
        expect(response.usage.inputTokens.total).toBeUndefined()
        expect(reply.searchResults.length).toBeGreaterThan(0)
        expect(WeavLanguageModel.searchResults(response.content)).toEqual(reply.searchResults)

        const { messages } = yield* Effect.flatMap(Chats, (chats) => chats.history("asked by model"))
        expect(messages.map(({ text }) => text)).toEqual([question, reply.text])
        expect(response.content.map(({ type }) => type)).toEqual([
          "response-metadata",
          "text",
          ...reply.searchResults.map(() => "source"),
          "finish"
        ])
        expect(response.content[0]).toMatchObject({ id: messages[1]!.messageId })
        const [source] = response.content.filter((part) => part.type === "source")
        expect(source).toMatchObject({
          sourceType: "document",
          id: `${fileId}#1`,
          title: "policy.md, page 1",
          fileName: "policy.md"
        })
      })
    )

    it.effect("streamed text is the same, piece by piece", () =>
      Effect.gen(function* () {
        const { content, text } = yield* LanguageModel.generateText({ prompt: question })
        const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: question }))
        expect(deltas(parts).length).toBeGreaterThan(3)
        expect(deltas(parts).join("")).toBe(text)
        const sources = content.filter(({ type }) => type === "source")
        expect(parts.filter(({ type }) => type !== "text-delta").map(({ type }) => type)).toEqual([
          "response-metadata",
          "text-start",
          "text-end",
          ...sources.map(() => "source"),
          "finish"
        ])
        expect(parts.filter(({ type }) => type === "source")).toEqual(sources)
        expect(WeavLanguageModel.searchResults(parts)).toEqual(WeavLanguageModel.searchResults(content))
        const ids = parts.flatMap((part) => ("id" in part && part.type !== "source" ? [part.id] : []))
        expect(new Set(ids).size).toBe(1)
      }).pipe(Effect.provide(weav()))
    )

    it.effect("a conversation goes on in its chat, and another has its own", () =>
      Effect.gen(function* () {
        const one = yield* Chat.empty
        const other = yield* Chat.empty
        yield* one.generateText({ prompt: "What is the theft deductible?" })
        yield* other.generateText({ prompt: "Who may cancel?" })
        yield* Stream.runDrain(one.streamText({ prompt: question }))
        // Stored and taken up again elsewhere.
        const restored = yield* Effect.flatMap(one.exportJson, Chat.fromJson)
        yield* restored.generateText({ prompt: "How many days before?" })

        const chatIds = yield* chatIdsOf(restored)
        expect(chatIds.length).toBe(3)
        expect(new Set(chatIds).size).toBe(1)
        expect(yield* saidIn(chatIds[0]!)).toEqual(["What is the theft deductible?", question, "How many days before?"])
        const otherIds = yield* chatIdsOf(other)
        expect(otherIds[0]).not.toBe(chatIds[0])
        expect(yield* saidIn(otherIds[0]!)).toEqual(["Who may cancel?"])
      }).pipe(Effect.provide(weav()))
    )

    it.effect("prompts without an answer open a chat each, by a random UUID", () =>
      Effect.gen(function* () {
        const chatIdOf = ({ content }: LanguageModel.GenerateTextResponse<{}>) =>
          (content.find((part) => part.type === "text")!.metadata["weav"] as { readonly chatId: string }).chatId
        const [first, second] = yield* Effect.all([
          LanguageModel.generateText({ prompt: question }),
          LanguageModel.generateText({ prompt: question })
        ])
        expect(chatIdOf(first)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
        expect(chatIdOf(second)).not.toBe(chatIdOf(first))
        expect(yield* saidIn(chatIdOf(second))).toEqual([question])
      }).pipe(Effect.provide(weav()))
    )

    it.effect("a chat that is named gets all messages: what comes after the last answer, whoever gave it", () =>
      Effect.gen(function* () {
        yield* LanguageModel.generateText({ prompt: "Hello." })
        yield* LanguageModel.generateText({
          prompt: [
            { role: "user", content: "Not sent." },
            { role: "assistant", content: "Not sent either." },
            {
              role: "user",
              content: [
                { type: "text", text: "Tell me:" },
                { type: "text", text: "is there" }
              ]
            },
            { role: "user", content: "a deductible?" }
          ]
        })
        expect(yield* saidIn("named")).toEqual(["Hello.", "Tell me:\n\nis there\n\na deductible?"])
      }).pipe(Effect.provide(weav({ chatId: "named" })))
    )

    it.effect("goes into an execution plan as a model", () =>
      Effect.gen(function* () {
        const { documents } = yield* LocalServer
        const unknown = WeavLanguageModel.model({ fileId: "0123456789abcdef01234567" })
        const known = WeavLanguageModel.model({ fileId: documents[0]!.fileId })
        const [text, provider, name] = yield* Effect.all([
          Effect.map(LanguageModel.generateText({ prompt: question }), ({ text }) => text),
          Model.ProviderName,
          Model.ModelName
        ]).pipe(Effect.withExecutionPlan(ExecutionPlan.make({ provide: unknown }, { provide: known })))
        expect(text).toContain("$5,000")
        expect([provider, name]).toEqual(["weav", "chat"])
      })
    )
  })
})

/** A model over a service that is a function, and what it was sent. */
const overFunction = (
  respond: (signal: AbortSignal) => Response,
  options?: Partial<WeavLanguageModel.Options>,
  config?: Partial<WeavConfigOptions>
) => {
  const requests: Array<Request> = []
  const transport = inProcess((request, signal) => {
    requests.push(request)
    return respond(signal)
  }, config)
  const model = WeavLanguageModel.layer({ fileId: wire.fileId, ...options }).pipe(Layer.provide(transport))
  return { requests, model }
}

const answer = () => Response.json(wire.chatResponse)

const user = { role: "user", content: "What is the deductible?" } as const

/** An answer of Weav's, as `Chat` keeps it. */
const answered = {
  role: "assistant",
  content: [{ type: "text", text: "$5,000.", options: { weav: { chatId: "chat123" } } }]
} as const

describe("the request", () => {
  it.effect("names the document, the chat and the settings given", () =>
    Effect.gen(function* () {
      const { model, requests } = overFunction(answer, {
        transformRequest: HttpClientRequest.setHeader("x-from", "test")
      })
      yield* LanguageModel.generateText({ prompt: [user, answered, { role: "user", content: "And for hail?" }] }).pipe(
        Effect.provide(model)
      )
      expect(requests.map(({ headers, url }) => [url, headers.get("x-from")])).toEqual([
        ["http://localhost/chat-service/chat", "test"]
      ])
      expect(yield* Effect.promise(() => requests[0]!.json())).toEqual({
        user_input: "And for hail?",
        file_id: wire.fileId,
        chat_id: "chat123",
        stream: false
      })
    })
  )

  it.effect("runs in the caller's context: of the layer's, it takes the configuration and the HTTP client alone", () =>
    Effect.gen(function* () {
      class Whose extends Context.Reference<string>("test/Whose", { defaultValue: () => "nobody" }) {}
      let whose = ""
      const authToken = Effect.map(Whose, (name) => {
        whose = name
        return Redacted.make(token)
      })
      const { model } = overFunction(answer, {}, { authToken })
      yield* LanguageModel.generateText({ prompt: "Hello." }).pipe(
        Effect.provideService(Whose, "the caller"),
        Effect.provide(Layer.provide(model, Layer.succeed(Whose, "the layer")))
      )
      expect(whose).toBe("the caller")
    })
  )

  it.effect("is traced below the model's span, which has GenAI attributes", () =>
    Effect.gen(function* () {
      const { spans, tracer } = spanRecorder()
      const { model } = overFunction(answer, { chatId: "chat123" })
      yield* Effect.all([
        LanguageModel.generateText({ prompt: "Hello." }),
        Stream.runDrain(LanguageModel.streamText({ prompt: "Hello." }))
      ]).pipe(Effect.provide(model), Effect.provideService(Tracer.Tracer, tracer))
      for (const method of ["generateText", "streamText"]) {
        const span = spans.find(({ name }) => name === `LanguageModel.${method}`)!
        expect(Object.fromEntries(span.attributes)).toMatchObject({
          "gen_ai.provider.name": "weav.ai",
          "gen_ai.operation.name": "chat",
          "gen_ai.conversation.id": "chat123"
        })
        const below = spans.filter(({ parent }) => parent._tag === "Some" && parent.value.spanId === span.spanId)
        expect(below.map(({ traceId }) => traceId)).toEqual([span.traceId])
      }
    })
  )
})

describe("what Weav cannot do fails, and nothing is sent", () => {
  const Tools = Toolkit.make(Tool.make("Now", { success: Schema.String }))
  const handlers = Tools.toLayer({ Now: () => Effect.succeed("noon") })

  type Call = Effect.Effect<
    unknown,
    AiError.AiError,
    LanguageModel.LanguageModel | Tool.HandlersFor<typeof Tools.tools>
  >
  const prompts = (prompt: Prompt.RawInput): ReadonlyArray<Call> => [
    LanguageModel.generateText({ prompt }),
    Stream.runDrain(LanguageModel.streamText({ prompt }))
  ]

  it.effect.each<[string, ReadonlyArray<Call>, string, RegExp, Partial<WeavLanguageModel.Options>?]>([
    [
      "tools",
      [
        LanguageModel.generateText({ prompt: "Hello.", toolkit: Tools }),
        LanguageModel.generateText({ prompt: "Hello.", toolkit: Tools, toolChoice: "required" }),
        LanguageModel.generateText({ prompt: "Hello.", toolkit: Tools, toolChoice: { tool: "Now" } }),
        Stream.runDrain(LanguageModel.streamText({ prompt: "Hello.", toolkit: Tools }))
      ],
      "InvalidRequestError",
      /parameter 'toolkit' cannot be used\. Weav's chat calls no tools\./
    ],
    [
      "structured output",
      [LanguageModel.generateObject({ prompt: "Hello.", schema: Schema.Struct({ limit: Schema.Number }) })],
      "InvalidRequestError",
      /^WeavLanguageModel\.generateObject: .*parameter 'schema' cannot be used\. Weav's chat answers in text only\./
    ],
    [
      "a system message",
      prompts([{ role: "system", content: "Be brief." }, user]),
      "InvalidUserInputError",
      /takes no system message/
    ],
    [
      "a system message before the last answer",
      prompts([{ role: "system", content: "Be brief." }, user, answered, user]),
      "InvalidUserInputError",
      /takes no system message/
    ],
    [
      "a file",
      prompts([{ role: "user", content: [{ type: "file", mediaType: "image/png", data: new Uint8Array(1) }] }]),
      "InvalidUserInputError",
      /holds a file \(image\/png\), .* fileId/
    ],
    [
      "a tool's result",
      prompts([
        user,
        { role: "tool", content: [{ type: "tool-result", id: "1", name: "Now", isFailure: false, result: "noon" }] }
      ]),
      "InvalidUserInputError",
      /results of tools/
    ],
    [
      "another model's answer",
      prompts([user, { role: "assistant", content: "$5,000." }, user]),
      "InvalidUserInputError",
      /an answer that is not Weav's.* chatId/
    ],
    [
      "an answer of another chat than the model's",
      prompts([user, answered, user]),
      "InvalidUserInputError",
      /continues the chat chat123, but the model is for the chat chat456/,
      { chatId: "chat456" }
    ],
    ["a prompt that ends with an answer", prompts([user, answered]), "InvalidUserInputError", /nothing to send/],
    ["no message", prompts([]), "InvalidUserInputError", /nothing to send/],
    ["an empty message", prompts(""), "InvalidRequestError", /userInput must be text that is not empty/],
    ["an empty document id", prompts("Hello."), "InvalidRequestError", /fileId must be text/, { fileId: "" }],
    [
      "a setting that is none",
      prompts("Hello."),
      "InvalidRequestError",
      /retry\.maxAttempts must be an integer/,
      { retry: { maxAttempts: 0 } }
    ]
  ])("%s", ([, calls, tag, message, options]) =>
    Effect.gen(function* () {
      const { model, requests } = overFunction(answer, options)
      for (const call of calls) {
        const error = yield* call.pipe(Effect.flip, Effect.provide([model, handlers]))
        expect(error.message).toMatch(message)
        expect(error).toMatchObject({ _tag: "AiError", module: "WeavLanguageModel", isRetryable: false })
        expect(error.reason._tag).toBe(tag)
      }
      expect(requests).toEqual([])
    })
  )

  it.effect("tools that the model is told not to call are no obstacle", () =>
    Effect.gen(function* () {
      const { model } = overFunction(answer)
      const { text } = yield* LanguageModel.generateText({ prompt: "Hi.", toolkit: Tools, toolChoice: "none" }).pipe(
        Effect.provide([model, handlers])
      )
      expect(text).toBe(wire.chatResponse.text)
    })
  )
})

describe("a failure", () => {
  const status = (status: number, init?: ResponseInit) => () =>
    Response.json({ detail: `No, ${token}.` }, { status, ...init })
  const refused = () => {
    throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
  }
  const reset = () => {
    throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })
  }

  /** What the service does; the reason in a new chat and whether asking again may help; the same in one that goes on. */
  type Case = [string, () => Response, [string, boolean], [string, boolean]]
  const same = (name: string, respond: () => Response, tag: string, isRetryable: boolean): Case => [
    name,
    respond,
    [tag, isRetryable],
    [tag, isRetryable]
  ]
  it.effect.each<Case>([
    same("a refused token", status(401), "AuthenticationError", false),
    same("a forbidden document", status(403), "AuthenticationError", false),
    same("no such document", status(404), "InvalidRequestError", false),
    same("a refused request", status(422), "InvalidRequestError", false),
    same("a conflict", status(409), "UnknownError", false),
    same("too many requests", status(429, { headers: { "retry-after": "7" } }), "RateLimitError", true),
    same("a busy service", status(503, { headers: { "retry-after": "7" } }), "InternalProviderError", true),
    same("no connection", refused, "NetworkError", true),
    same("a body that is no answer", () => Response.json({ text: 1 }), "InvalidResponseError", false),
    ["a service that failed", status(500), ["InternalProviderError", true], ["UnknownError", false]],
    ["a cut connection", reset, ["NetworkError", true], ["UnknownError", false]]
  ])("%s: its reason says whether asking again may help", ([, respond, inNewChat, inOldChat]) =>
    Effect.gen(function* () {
      const conversations = [
        { prompt: [user], expected: inNewChat },
        { prompt: [user, answered, user], expected: inOldChat },
        { prompt: [user], chatId: "chat123", expected: inOldChat }
      ]
      for (const { chatId, expected, prompt } of conversations) {
        const { model } = overFunction(respond, { chatId })
        for (const call of [
          LanguageModel.generateText({ prompt }),
          Stream.runDrain(LanguageModel.streamText({ prompt }))
        ]) {
          const error = yield* call.pipe(Effect.flip, Effect.provide(model))
          if (!AiError.isAiError(error)) return expect.fail(`${error}`)
          expect([error.reason._tag, error.isRetryable]).toEqual(expected)

          const { cause } = error.reason
          expect([Unauthorized, NotFound, ApiError].some((type) => cause instanceof type)).toBe(true)
          // A rate limit has a message of its own.
          if (error.reason._tag !== "RateLimitError") expect(error.message).toContain((cause as Error).message)
          expect(JSON.stringify(error) + Cause.pretty(Cause.fail(error))).not.toContain(token)
          // Sent to another process, it still says so.
          const restored = yield* Effect.flatMap(encodeError(error), decodeError)
          expect(restored.isRetryable).toBe(error.isRetryable)
        }
      }
    })
  )

  const encodeError = Schema.encodeEffect(Schema.fromJsonString(Schema.toCodecJson(AiError.AiError)))
  const decodeError = Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(AiError.AiError)))

  it.effect("carries how long to wait, the status, the request id and the body", () =>
    Effect.gen(function* () {
      const headers = { "retry-after": "7", "x-request-id": "r-7" }
      const { model } = overFunction(status(429, { headers }))
      const error = yield* LanguageModel.generateText({ prompt: "Hello." }).pipe(Effect.flip, Effect.provide(model))
      expect(Duration.toMillis(error.retryAfter!)).toBe(7000)
      expect(error.reason).toMatchObject({
        http: {
          response: { status: 429, headers: { "x-request-id": "r-7" } },
          body: expect.stringMatching(/^{"detail":"No, /)
        }
      })
    })
  )

  it.effect("a token that could not be had is no wrong key", () =>
    Effect.gen(function* () {
      const { model } = overFunction(answer, {}, { authToken: Effect.fail(new Error("the vault is sealed")) })
      const error = yield* LanguageModel.generateText({ prompt: "Hello." }).pipe(Effect.flip, Effect.provide(model))
      expect(error.reason).toMatchObject({ _tag: "AuthenticationError", kind: "Unknown" })
      expect(error.message).toContain("the vault is sealed")
    })
  )

  it.effect("a time limit is a network error", () =>
    Effect.gen(function* () {
      const { model } = overFunction(() => new Response(new ReadableStream()), { timeouts: { total: "3 seconds" } })
      const fiber = yield* LanguageModel.generateText({ prompt: "Hello." }).pipe(
        Effect.flip,
        Effect.provide(model),
        Effect.forkChild
      )
      yield* TestClock.adjust("3 seconds")
      const { reason } = yield* Fiber.join(fiber)
      expect(reason).toMatchObject({ _tag: "NetworkError", method: "POST", url: "http://localhost/chat-service/chat" })
      expect(reason.message).toContain("timeouts.total")
    })
  )
})

describe("a streamed answer", () => {
  it.effect("comes as it is written", () =>
    Effect.gen(function* () {
      const body = handFed("text/event-stream")
      const { model } = overFunction((signal) => body.respond(new Request("http://localhost"), signal))
      const seen: Array<AiResponse.StreamPart<{}>> = []
      const fiber = yield* LanguageModel.streamText({ prompt: "Hello." }).pipe(
        Stream.runForEach((part) => Effect.sync(() => seen.push(part))),
        Effect.provide(model),
        Effect.forkChild
      )
      yield* Effect.promise(body.wanted)
      body.give(event(wire.piece("")) + event(wire.piece("Hail ")))
      yield* Effect.promise(body.wanted)
      expect(seen.map(({ type }) => type)).toEqual(["response-metadata", "text-start", "text-delta"])
      body.give(event({ ...wire.piece("is covered."), search_results: [wire.searchResult] }))
      yield* Effect.promise(body.wanted)
      expect(deltas(seen)).toEqual(["Hail ", "is covered."])
      body.end()
      yield* Fiber.join(fiber)
      expect(seen.slice(4).map(({ type }) => type)).toEqual(["text-end", "source", "finish"])
      expect(WeavLanguageModel.searchResults(seen)[0]).toMatchObject({ pageNumber: 3, text: wire.searchResult.text })
    })
  )

  it.effect("snapshots are read as such where the options say so", () =>
    Effect.gen(function* () {
      const body = event(wire.piece("Hail ")) + event(wire.piece("Hail is covered."))
      const { model } = overFunction(() => new Response(body, { headers: { "content-type": "text/event-stream" } }), {
        pieces: "snapshot"
      })
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "Hello." })).pipe(Effect.provide(model))
      expect(deltas(parts)).toEqual(["Hail ", "is covered."])
    })
  )

  it.effect("that breaks off has no end, and its chat keeps what came", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(async ({ reset, write }) => {
        await write(eventStreamHead + chunk(event(wire.piece("Hail "))) + chunk(event(wire.piece("is"))))
        reset()
      })
      const model = WeavLanguageModel.layer({ fileId: wire.fileId }).pipe(Layer.provide(clientFor(server)))
      const chat = yield* Chat.empty
      const seen: Array<AiResponse.StreamPart<{}>> = []
      const ask = chat.streamText({ prompt: "Hello." }).pipe(
        Stream.runForEach((part) => Effect.sync(() => seen.push(part))),
        Effect.flip,
        Effect.provide(model)
      )
      const error = yield* ask
      expect(deltas(seen)).toEqual(["Hail ", "is"])
      expect(seen.map(({ type }) => type)).not.toContain("finish")
      // It opened a chat of its own: asking again would open another.
      expect(error.reason).toMatchObject({ _tag: "InternalProviderError", isRetryable: true })
      expect((error.reason.cause as ApiError).reason._tag).toBe("StreamInterrupted")

      expect((yield* ask).reason).toMatchObject({ _tag: "UnknownError", isRetryable: false })
      const [first, second] = server.requests.map(({ body }) => JSON.parse(body))
      expect(second).toEqual(first)
    })
  )

  it.effect("without a piece is no answer", () =>
    Effect.gen(function* () {
      const { model } = overFunction(
        () => new Response("data: [DONE]\n\n", { headers: { "content-type": "text/event-stream" } })
      )
      const error = yield* Stream.runDrain(LanguageModel.streamText({ prompt: "Hello." })).pipe(
        Effect.flip,
        Effect.provide(model)
      )
      expect(error.reason).toMatchObject({ _tag: "InvalidResponseError" })
      expect(error.message).toContain("without a piece of an answer")
    })
  )

  it.effect.each<
    [
      string,
      (
        parts: Stream.Stream<unknown, AiError.AiError, LanguageModel.LanguageModel>
      ) => Stream.Stream<unknown, AiError.AiError, LanguageModel.LanguageModel>
    ]
  >([
    ["left", Stream.take(3)],
    ["interrupted", (parts) => parts]
  ])("%s early closes the connection", ([how, until]) =>
    Effect.gen(function* () {
      const body = handFed("text/event-stream")
      const { model } = overFunction((signal) => body.respond(new Request("http://localhost"), signal))
      const fiber = yield* until(LanguageModel.streamText({ prompt: "Hello." })).pipe(
        Stream.runDrain,
        Effect.provide(model),
        Effect.forkChild
      )
      yield* Effect.promise(body.wanted)
      body.give(event(wire.piece("Hail ")))
      if (how === "interrupted") {
        yield* Effect.promise(body.wanted)
        yield* Fiber.interrupt(fiber)
      }
      yield* Effect.promise(() => body.left)
      expect(Exit.isSuccess(yield* Fiber.await(fiber))).toBe(how === "left")
    })
  )

  it.effect("whole answers are left as well", () =>
    Effect.gen(function* () {
      const body = handFed("application/json")
      const { model } = overFunction((signal) => body.respond(new Request("http://localhost"), signal))
      const fiber = yield* LanguageModel.generateText({ prompt: "Hello." }).pipe(
        Effect.provide(model),
        Effect.forkChild
      )
      yield* Effect.promise(body.wanted)
      yield* Fiber.interrupt(fiber)
      yield* Effect.promise(() => body.left)
    })
  )
})
