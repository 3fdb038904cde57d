/**
 * The service's tests: against a script for what the chat service may do, and against a chat service in this process for
 * what it answers.
 */
import { assert, describe, it } from "@effect/vitest"
import { RequestLimit, WeavConfig } from "@weavai/effect"
import { Reply, type Script, ScriptedChat } from "@weavai/effect/testing"
import { LocalServer } from "@weavai/local"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { HttpApiTest } from "effect/http-api"
import { TestClock } from "effect/testing"
import { fileURLToPath } from "node:url"
import { questions, Underwriting } from "./Underwriting.ts"
import { handlers, UnderwritingApi } from "./UnderwritingApi.ts"

const submission = { id: "submission-17", fileId: "file456" }

const config = WeavConfig.layer({ env: "local", authToken: Redacted.make("any") })

const scripted = (script: Script) => Underwriting.layer.pipe(Layer.provideMerge([config, ScriptedChat.layer(script)]))

const review = Effect.flatMap(Underwriting, (underwriting) => underwriting.review(submission))

describe("Underwriting", () => {
  it.effect("asks every question about the submission's document, each in a chat of its own", () =>
    Effect.gen(function* () {
      const { findings, submissionId } = yield* review
      assert.strictEqual(submissionId, "submission-17")
      assert.deepStrictEqual(
        findings.map(({ answer }) => answer),
        questions.map((question) => `So: ${question}`)
      )
      const { requests } = yield* ScriptedChat
      assert.sameDeepMembers(
        requests.map(({ request }) => request),
        questions.map((userInput) => ({ userInput, chatId: `submission-17: ${userInput}`, fileId: "file456" }))
      )
    }).pipe(Effect.provide(scripted({ chat: ({ userInput }) => Reply.chat(`So: ${userInput}`) })))
  )

  it.effect("keeps the pages that an answer rests on, each once, the best first", () =>
    Effect.gen(function* () {
      const { findings } = yield* review
      assert.deepStrictEqual(findings[0]?.pages, [6, 2])
    }).pipe(
      Effect.provide(
        scripted({
          chat: () => Reply.chat({ searchResults: [{ pageNumber: 6 }, { pageNumber: 2 }, { pageNumber: 6 }] })
        })
      )
    )
  )

  it.effect("asks three questions at a time", () =>
    Effect.gen(function* () {
      const { requests } = yield* ScriptedChat
      const fiber = yield* Effect.forkChild(review)
      yield* TestClock.adjust("59 seconds")
      assert.lengthOf(requests, 3)
      yield* TestClock.adjust("1 second")
      assert.lengthOf(requests, 5)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf((yield* Fiber.join(fiber)).findings, 5)
    }).pipe(Effect.provide(scripted({ chat: () => Reply.delay(Reply.chat("Yes."), "1 minute") })))
  )

  it.effect("lets submissions take turns where requests are limited", () =>
    Effect.gen(function* () {
      const underwriting = yield* Underwriting
      const reviews = Effect.forEach(["first", "second"], (id) => underwriting.review({ ...submission, id }), {
        concurrency: "unbounded"
      })
      const fiber = yield* Effect.forkChild(reviews)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
      const { requests } = yield* ScriptedChat
      const second = requests.findIndex(({ request }) => "chatId" in request && request.chatId.startsWith("second"))
      assert.strictEqual(second, 2)
    }).pipe(
      Effect.provide(
        Underwriting.layer.pipe(
          Layer.provide(RequestLimit.layer({ maxInFlight: 1 })),
          Layer.provideMerge([config, ScriptedChat.layer({ chat: () => Reply.delay(Reply.chat("Yes."), "1 second") })])
        )
      )
    )
  )

  it.effect("waits as long as a busy service asks", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(review)
      yield* TestClock.adjust("5 seconds")
      const { findings } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        findings.map(({ answer }) => answer),
        questions.map(() => "Yes.")
      )
    }).pipe(
      Effect.provide(
        scripted({
          chat: (_, index) => (index === 0 ? Reply.status(429, { retryAfter: "5 seconds" }) : Reply.chat("Yes."))
        })
      )
    )
  )

  it.effect("finds the answer in the chat where the connection broke before it came", () =>
    Effect.gen(function* () {
      const { findings } = yield* review
      assert.deepStrictEqual(
        findings.map(({ answer }) => answer),
        ["Yes.", "No, it is excluded.", "Yes.", "Yes.", "Yes."]
      )
    }).pipe(
      Effect.provide(
        scripted({
          chat: ({ userInput }) => (userInput === questions[1] ? Reply.broken() : Reply.chat("Yes.")),
          getChatHistory: () => Reply.history([questions[1]!, "No, it is excluded."])
        })
      )
    )
  )

  it.effect("leaves a question open that the service fails to answer, and says why", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(review)
      yield* TestClock.adjust("1 minute")
      const { findings } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        findings.map(({ answer }) => answer),
        ["Yes.", null, "Yes.", "Yes.", "Yes."]
      )
      assert.match(findings[1]?.problem ?? "", /500.*index is being rebuilt/)
    }).pipe(
      Effect.provide(
        scripted({
          chat: ({ userInput }) =>
            userInput === questions[1]
              ? Reply.status(500, { detail: "the index is being rebuilt" })
              : Reply.chat("Yes."),
          getChatHistory: () => Reply.status(404)
        })
      )
    )
  )

  it.effect("says that there is no such document", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(review)
      assert.strictEqual(error._tag, "NoSuchDocument")
      assert.strictEqual(error.message, 'There is no document "file456".')
    }).pipe(Effect.provide(scripted({ chat: () => Reply.status(404) })))
  )

  const policy = fileURLToPath(new URL("../../documents/commercial-property-policy.md", import.meta.url))

  it.live("finds the answers in a policy", () =>
    Effect.gen(function* () {
      const { documents } = yield* LocalServer
      const underwriting = yield* Underwriting
      const { findings } = yield* underwriting.review({ id: "submission-17", fileId: documents[0]!.fileId })
      assert.match(findings[0]?.answer ?? "", /2%/)
      assert.match(findings[2]?.answer ?? "", /two years/)
      assert.isTrue(findings.every(({ pages, problem }) => pages.length > 0 && problem === null))
    }).pipe(
      Effect.provide(
        Underwriting.layer.pipe(Layer.provideMerge([config, LocalServer.layerHttpClient({ documents: [policy] })]))
      )
    )
  )
})

describe("UnderwritingApi", () => {
  const create = Effect.gen(function* () {
    const client = yield* HttpApiTest.groups(UnderwritingApi, ["reviews"])
    return yield* client.reviews.create({ payload: submission })
  })

  const served = (reply: Reply.Reply) =>
    Layer.mergeAll(handlers.pipe(Layer.provide(scripted({ chat: () => reply }))), HttpServer.layerServices)

  it.effect("creates a review", () =>
    Effect.gen(function* () {
      const { findings } = yield* create
      assert.deepStrictEqual(findings[0], { question: questions[0]!, answer: "Yes.", pages: [], problem: null })
    }).pipe(Effect.provide(served(Reply.chat("Yes."))))
  )

  it.effect("tells the caller of a document that is not there", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(create))._tag, "NoSuchDocument")
    }).pipe(Effect.provide(served(Reply.status(404))))
  )

  it.effect("tells the caller nothing of the token", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(create))._tag, "Unavailable")
    }).pipe(Effect.provide(served(Reply.status(401))))
  )
})
