/**
 * What becomes of a message whose answer did not come: whether it arrived is looked up in the chat's history.
 */
import { describe, expect, it } from "@effect/vitest"
import { ChatOperations, ChatStream, type WeavConfigOptions } from "@weavai/effect"
import { LocalServer } from "@weavai/local"
import { createChatClient } from "@weavai/promise"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { clientFor, inProcess } from "../support/client.ts"
import { policyFolder, question } from "../support/policyFolder.ts"
import { rejection } from "../support/promises.ts"
import { rawServer, startRawServer } from "../support/rawServer.ts"
import { head, json } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

/** A message as the history shows it, by the service's clock. */
const message = (type: string, text: string, at: Date) => ({
  ...wire.historyMessage,
  chat_id: wire.chatId,
  type,
  text,
  timestamp: at.toISOString()
})

/** A chat as the service keeps it. Its clock goes as fast as the test's, but shows another time. */
interface Chat {
  readonly messages: Array<ReturnType<typeof message>>
  /** What the service's clock shows, or showed so many seconds ago. */
  readonly time: (secondsAgo?: number) => Date
  /** Records the question. */
  readonly take: () => void
  /** Records an answer. */
  readonly answer: (text: string) => void
}

type Respond = (chat: Chat, signal: AbortSignal) => Response | Promise<Response>

const reset: Respond = () => {
  const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })
  throw new TypeError("fetch failed", { cause })
}

const taken =
  (respond: Respond = reset): Respond =>
  (chat, signal) => {
    chat.take()
    return respond(chat, signal)
  }

const answered =
  (respond: Respond = reset): Respond =>
  (chat, signal) => {
    chat.take()
    chat.answer("It is $5,000.")
    return respond(chat, signal)
  }

const good: Respond = answered(() => Response.json({ ...wire.chatResponse, text: "Answered at once." }))

const status =
  (status: number, headers: Record<string, string> = {}): Respond =>
  () =>
    Response.json({ detail: "no" }, { status, headers })

const never: Respond = (_, signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))

const showing: Respond = ({ messages, time }) =>
  messages.length === 0
    ? Response.json({ detail: "No such chat" }, { status: 404 })
    : Response.json({ messages }, { headers: { date: time().toUTCString() } })

interface Case {
  /** How the service answers each message; {@link good} beyond the last. */
  readonly posts: ReadonlyArray<Respond>
  /** How it answers each look at the history; {@link showing} beyond the last. */
  readonly looks?: ReadonlyArray<Respond>
  /** What happened before. */
  readonly before?: (chat: Chat) => void
  readonly options?: Partial<WeavConfigOptions>
  readonly onUncertain?: "fail" | "reconcile"
  /** Whether the call is made once more, a minute later: the second result counts. */
  readonly again?: boolean
}

const began = Date.parse("2024-09-25T12:00:00.700Z")

/** Sends a message as a case says, letting time pass as it is waited for. */
const run = ({ again = false, before, looks = [], onUncertain = "reconcile", options, posts }: Case) =>
  Effect.gen(function* () {
    yield* TestClock.adjust("1 hour")
    const clock = yield* Clock.Clock
    const start = clock.currentTimeMillisUnsafe()
    const elapsed = () => clock.currentTimeMillisUnsafe() - start
    const time = (secondsAgo = 0) => new Date(began + elapsed() - secondsAgo * 1000)
    const chat: Chat = {
      messages: [],
      time,
      take: () => void chat.messages.push(message("user", wire.question.userInput, time())),
      answer: (text) => void chat.messages.push(message("assistant", text, time()))
    }
    before?.(chat)

    let sent = 0
    const lookedAt: Array<number> = []
    const service = inProcess(
      ({ method }, signal) => {
        if (method === "POST") return (posts[sent++] ?? good)(chat, signal)
        return (looks[lookedAt.push(elapsed()) - 1] ?? showing)(chat, signal)
      },
      { retry: { baseDelay: 1 }, ...options }
    )
    const call = ChatOperations.chat(wire.question, { onUncertain }).pipe(Effect.result, Effect.provide(service))
    const fiber = yield* Effect.forkChild(again ? Effect.andThen(call, Effect.delay(call, "1 minute")) : call)
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.promise(() => new Promise(setImmediate))
      yield* TestClock.adjust("20 millis")
    }
    const result = yield* Fiber.join(fiber)
    return {
      text: result._tag === "Success" ? result.success.text : undefined,
      reply: result._tag === "Success" ? result.success : undefined,
      error: result._tag === "Failure" ? result.failure : undefined,
      sent: () => sent,
      lookedAt
    }
  })

/** In tenths of a second: the test's clock moves by a fiftieth. */
const tenths = (times: ReadonlyArray<number>) => times.map((time) => Math.round(time / 100))

describe("a message that arrived", () => {
  it.effect.each<[string, Respond]>([
    ["a cut connection", reset],
    ["a time limit", never],
    ["500", status(500)],
    ["502", status(502)],
    ["503", status(503)],
    ["504", status(504)],
    ["an old kind of redirect", status(303, { location: "/" })],
    ["an answer that is cut off", () => new Response('{"message_id":"d79c')],
    ["a page of a gateway's", () => new Response("<html>Welcome</html>")],
    ["an empty answer", () => new Response()]
  ])("and was answered is not sent again after %s", ([, respond]) =>
    Effect.gen(function* () {
      const { lookedAt, sent, text } = yield* run({ posts: [answered(respond)] })
      expect([text, sent(), lookedAt.length]).toEqual(["It is $5,000.", 1, 1])
    })
  )

  it.effect("gives the history's answer as a reply, with what in it can be read", () =>
    Effect.gen(function* () {
      const { reply } = yield* run({
        posts: [taken()],
        looks: [
          (chat, signal) => {
            const answer = message("assistant", "It is $5,000.", chat.time())
            const search_results = [{ anything: true }, wire.searchResult, null]
            chat.messages.push({ ...answer, generate_button: true, search_results: search_results as never })
            return showing(chat, signal)
          }
        ]
      })
      expect(reply).toEqual({
        messageId: wire.historyMessage.message_id,
        chatId: wire.chatId,
        text: "It is $5,000.",
        timestamp: expect.any(Date),
        type: "assistant",
        vote: "no vote",
        searchResults: [expect.objectContaining({ fileName: "policy.pdf", pageNumber: 3 })],
        generateButton: null,
        tags: ["a"]
      })
    })
  )

  it.effect("is waited for with growing pauses until it is answered", () =>
    Effect.gen(function* () {
      const { lookedAt, sent, text } = yield* run({
        posts: [taken()],
        looks: [
          ...Array<Respond>(5).fill(showing),
          (chat, signal) => {
            chat.answer("")
            return showing(chat, signal)
          },
          (chat, signal) => {
            chat.messages.pop()
            chat.answer("At last.")
            return showing(chat, signal)
          }
        ]
      })
      expect([text, sent()]).toEqual(["At last.", 1])
      expect(tenths(lookedAt).map((at, i) => at - (tenths(lookedAt)[i - 1] ?? 0))).toEqual([0, 5, 10, 20, 40, 80, 80])
    })
  )

  it.effect("and is never answered fails with what it failed with, while there is time to say so", () =>
    Effect.gen(function* () {
      const { error, lookedAt, sent } = yield* run({ posts: [taken()], options: { timeouts: { total: "10 seconds" } } })
      expect(error).toMatchObject({ attempts: 1, messageArrived: "yes", reason: { code: "ECONNRESET" } })
      expect(error!.message).toMatch(/ECONNRESET\. The message arrived: see getChatHistory\.$/)
      expect([sent(), tenths(lookedAt)]).toEqual([1, [0, 5, 15, 35, 75]])
    })
  )

  it.effect("is not sent again where a later look does not show it", () =>
    Effect.gen(function* () {
      const empty: Respond = ({ time }) => Response.json({ messages: [] }, { headers: { date: time().toUTCString() } })
      const late: Respond = (chat, signal) => {
        chat.answer("At last.")
        return showing(chat, signal)
      }
      const { sent, text } = yield* run({ posts: [taken()], looks: [showing, empty, status(500), empty, late] })
      expect([text, sent()]).toEqual(["At last.", 1])
    })
  )

  it.effect("late is found by the look after the next attempt", () =>
    Effect.gen(function* () {
      const arriving: Respond = (chat, signal) => {
        chat.messages.push(message("user", wire.question.userInput, chat.time(3)))
        chat.answer("To the first.")
        return reset(chat, signal)
      }
      const { lookedAt, sent, text } = yield* run({
        posts: [reset, arriving],
        options: { retry: { baseDelay: "20 seconds", maxDelay: "20 seconds" } }
      })
      expect([text, sent(), lookedAt.length]).toEqual(["To the first.", 2, 3])
    })
  )
})

describe("a message that did not arrive", () => {
  it.effect("is sent again, once the history has been read twice", () =>
    Effect.gen(function* () {
      const { lookedAt, sent, text } = yield* run({ posts: [reset], before: (chat) => chat.answer("Welcome.") })
      expect([text, sent(), tenths(lookedAt)]).toEqual(["Answered at once.", 2, [0, 5]])
    })
  )

  it.effect("is not there where the chat is not", () =>
    Effect.gen(function* () {
      const { lookedAt, sent, text } = yield* run({ posts: [reset] })
      expect([text, sent(), lookedAt.length]).toEqual(["Answered at once.", 2, 2])
    })
  )

  it.effect("but is there at the second look is not sent again", () =>
    Effect.gen(function* () {
      const { sent, text } = yield* run({ posts: [reset], looks: [showing, answered(showing)] })
      expect([text, sent()]).toEqual(["It is $5,000.", 1])
    })
  )

  it.effect.each<[string, Respond]>([
    ["500", status(500)],
    ["a time limit", never],
    ["a page of a gateway's", () => new Response("<html>Welcome</html>")]
  ])("is sent again after %s, too", ([, respond]) =>
    Effect.gen(function* () {
      const { sent, text } = yield* run({ posts: [respond] })
      expect([text, sent()]).toEqual(["Answered at once.", 2])
    })
  )

  it.effect("is sent as often as the policy allows", () =>
    Effect.gen(function* () {
      const { error, lookedAt, sent } = yield* run({ posts: Array<Respond>(9).fill(reset) })
      expect(error).toMatchObject({ attempts: 3, messageArrived: "no", reason: { code: "ECONNRESET" } })
      expect(error!.message).toMatch(/ECONNRESET$/)
      expect([sent(), lookedAt.length]).toEqual([3, 6])
    })
  )

  it.effect("is not sent again where retry is off, but the error says that it did not arrive", () =>
    Effect.gen(function* () {
      const { error, sent } = yield* run({ posts: [reset], options: { retry: false } })
      expect(error).toMatchObject({ attempts: 1, messageArrived: "no" })
      expect(sent()).toBe(1)
    })
  )

  it.effect("counts as unknown where there is no time for the second look", () =>
    Effect.gen(function* () {
      const { error, lookedAt } = yield* run({ posts: [reset], options: { timeouts: { total: 400 } } })
      expect(error).toMatchObject({ messageArrived: "unknown", reason: { code: "ECONNRESET" } })
      expect(lookedAt.length).toBe(1)
    })
  )
})

describe("the same message of an earlier time", () => {
  const earlier = (secondsAgo: number) => (chat: Chat) => {
    chat.messages.push(
      message("user", wire.question.userInput, chat.time(secondsAgo)),
      message("assistant", "To the earlier one.", chat.time(secondsAgo - 1))
    )
  }

  it.effect.each([5, 60, 86_400])("%i seconds before is not taken for one that did not arrive", (secondsAgo) =>
    Effect.gen(function* () {
      const { sent, text } = yield* run({ posts: [reset], before: earlier(secondsAgo) })
      expect([text, sent()]).toEqual(["Answered at once.", 2])
    })
  )

  it.effect.each([2, 5, 60])("%i seconds before is not taken for one that arrived", (secondsAgo) =>
    Effect.gen(function* () {
      const { sent, text } = yield* run({ posts: [answered()], before: earlier(secondsAgo) })
      expect([text, sent()]).toEqual(["It is $5,000.", 1])
    })
  )

  it.effect("does not answer one that is not answered yet", () =>
    Effect.gen(function* () {
      const { error } = yield* run({
        posts: [taken()],
        before: earlier(60),
        options: { timeouts: { total: "10 seconds" } }
      })
      expect(error).toMatchObject({ messageArrived: "yes" })
    })
  )

  it.effect("is not taken for that of another run of the same effect", () =>
    Effect.gen(function* () {
      const { sent, text } = yield* run({ posts: [answered(), reset], again: true })
      expect([text, sent()]).toEqual(["Answered at once.", 3])
    })
  )

  it.effect("that the assistant said is none", () =>
    Effect.gen(function* () {
      const { sent, text } = yield* run({
        posts: [reset],
        before: (chat) => {
          chat.answer(wire.question.userInput)
          chat.answer("As I said.")
        }
      })
      expect([text, sent()]).toEqual(["Answered at once.", 2])
    })
  )

  it.effect("is not taken for one whose sending took long", () =>
    Effect.gen(function* () {
      const { sent, text } = yield* run({
        posts: [never],
        before: earlier(30),
        options: { timeouts: { firstByte: "1 minute" } }
      })
      expect([text, sent()]).toEqual(["Answered at once.", 2])
    })
  )
})

describe("the history's ways", () => {
  it.effect("newest first", () =>
    Effect.gen(function* () {
      const backwards: Respond = ({ messages, time }) =>
        Response.json({ messages: messages.toReversed() }, { headers: { date: time().toUTCString() } })
      const { text } = yield* run({
        posts: [answered()],
        before: (chat) => chat.messages.push(message("assistant", "Welcome.", chat.time(60))),
        looks: [
          (chat, signal) => {
            chat.messages.push(message("user", "And for hail?", chat.time(-1)))
            return backwards(chat, signal)
          }
        ]
      })
      expect(text).toBe("It is $5,000.")
    })
  )

  it.effect("times to the second, and white space cut off", () =>
    Effect.gen(function* () {
      const { sent, text } = yield* run({
        posts: [answered()],
        looks: [
          ({ messages, time }) =>
            Response.json(
              {
                messages: messages.map((message) => ({
                  ...message,
                  text: `${message.text} `,
                  timestamp: `${message.timestamp.slice(0, 19)}Z`
                }))
              },
              { headers: { date: time().toUTCString() } }
            )
        ]
      })
      expect([text, sent()]).toEqual(["It is $5,000. ", 1])
    })
  )

  it.effect("a gateway whose clock is ahead of the service's", () =>
    Effect.gen(function* () {
      const ahead: Respond = ({ messages, time }) =>
        Response.json({ messages }, { headers: { date: time(-1.8).toUTCString() } })
      const { sent, text } = yield* run({ posts: [answered()], looks: Array<Respond>(3).fill(ahead) })
      expect([text, sent()]).toEqual(["It is $5,000.", 1])
    })
  )

  it.effect("an answer behind another question may be the answer to either", () =>
    Effect.gen(function* () {
      const { error, lookedAt, sent } = yield* run({
        posts: [
          taken((chat, signal) => {
            chat.messages.push(message("user", "And for hail?", chat.time()))
            chat.answer("It is covered.")
            return reset(chat, signal)
          })
        ]
      })
      expect(error).toMatchObject({ messageArrived: "unknown", reason: { code: "ECONNRESET" } })
      expect([sent(), lookedAt.length]).toEqual([1, 1])
    })
  )

  it.effect.each<[string, Respond]>([
    ["that cannot be read", () => new Response("<html>")],
    ["that is refused", status(403)],
    ["that never comes", never]
  ])("one %s leaves it unknown", ([, look]) =>
    Effect.gen(function* () {
      const options = { timeouts: { firstByte: "1 second" } } as const
      const { error, sent } = yield* run({ posts: [answered()], looks: Array<Respond>(9).fill(look), options })
      expect(error).toMatchObject({ attempts: 1, messageArrived: "unknown", reason: { code: "ECONNRESET" } })
      expect(error!.message).toMatch(/ECONNRESET\. The message may have arrived: see getChatHistory\.$/)
      expect(sent()).toBe(1)
    })
  )

  it.effect("one that fails in passing is read again", () =>
    Effect.gen(function* () {
      const { lookedAt, text } = yield* run({ posts: [answered()], looks: [status(503), reset] })
      expect([text, lookedAt.length]).toEqual(["It is $5,000.", 3])
    })
  )

  it.effect("without the service's time, the same text leaves it unknown, and none is certain", () =>
    Effect.gen(function* () {
      const looks = Array<Respond>(2).fill(({ messages }) => Response.json({ messages }))
      const arrived = yield* run({ posts: [answered()], looks })
      expect(arrived.error).toMatchObject({ messageArrived: "unknown" })
      expect(arrived.sent()).toBe(1)
      const lost = yield* run({ posts: [reset], looks })
      expect([lost.text, lost.sent()]).toEqual(["Answered at once.", 2])
    })
  )
})

describe("it is not looked up", () => {
  it.effect.each<[string, Respond, object]>([
    ["401", status(401), { _tag: "Unauthorized" }],
    ["403", status(403), { messageArrived: "no" }],
    ["404", status(404), { _tag: "NotFound" }],
    ["422", status(422), { messageArrived: "no" }],
    ["429", status(429, { "retry-after": "1000" }), { messageArrived: "no" }],
    ["503 with Retry-After", status(503, { "retry-after": "1000" }), { messageArrived: "no" }],
    ["a redirect that keeps the message", status(307), { messageArrived: "no" }]
  ])("after %s", ([, respond, expected]) =>
    Effect.gen(function* () {
      const { error, lookedAt } = yield* run({ posts: [respond] })
      expect(error).toMatchObject(expected)
      expect(lookedAt).toEqual([])
    })
  )

  it.effect("unless asked for, but the error says that the message may have arrived", () =>
    Effect.gen(function* () {
      const { error, lookedAt, sent } = yield* run({ posts: [answered()], onUncertain: "fail" })
      expect(error).toMatchObject({ attempts: 1, messageArrived: "unknown" })
      expect([sent(), lookedAt]).toEqual([1, []])
    })
  )

  it.effect("after the limit on the whole call", () =>
    Effect.gen(function* () {
      const options = { timeouts: { firstByte: "1 minute", total: "5 seconds" } } as const
      const { error, lookedAt } = yield* run({ posts: [never], options })
      expect(error).toMatchObject({ messageArrived: "unknown", reason: { _tag: "TimeoutError", limit: "total" } })
      expect(lookedAt).toEqual([])
    })
  )

  it.effect("and nothing is sent where the option is none", () =>
    Effect.gen(function* () {
      const { error, sent } = yield* run({ posts: [], onUncertain: "retry" as never })
      const issues = [{ field: "onUncertain", message: 'must be "fail" or "reconcile"' }]
      expect(error).toMatchObject({ attempts: 0, reason: { _tag: "InvalidRequest", issues } })
      expect(sent()).toBe(0)
    })
  )
})

describe("what is known of a streamed answer's message", () => {
  it.effect.each<[string, () => Response, string]>([
    ["that began", () => new Response(`data: ${JSON.stringify(wire.piece("Hail"))}\n\ndata: {"te`), "yes"],
    ["that broke off before", () => new Response('data: {"te'), "unknown"],
    ["that was refused", () => Response.json({ detail: "no" }, { status: 429 }), "no"]
  ])("%s", ([, respond, messageArrived]) =>
    Effect.gen(function* () {
      const service = inProcess(() => {
        const response = respond()
        response.headers.set("content-type", response.ok ? "text/event-stream" : "application/json")
        return response
      })
      const error = yield* ChatOperations.streamChat(wire.question).pipe(
        ChatStream.collect,
        Effect.flip,
        Effect.provide(service)
      )
      expect(error).toMatchObject({ _tag: "ApiError", messageArrived })
    })
  )
})

describe("on the wire", () => {
  const history = (...messages: ReadonlyArray<object>) =>
    json({ messages }, { headers: { date: new Date().toUTCString() } })

  const asked = () => message("user", wire.question.userInput, new Date())
  const reply = () => message("assistant", "It is $5,000.", new Date())

  it.live("an answer that was reset inside its body is read from the history", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(async ({ request, reset, write }) => {
        if (request.method === "GET") return write(history(asked(), reply()))
        await write(`${head({ "content-length": "1000" })}{"message_id":`)
        reset()
      })
      const answer = yield* ChatOperations.chat(wire.question, { onUncertain: "reconcile" }).pipe(
        Effect.provide(clientFor(server))
      )
      expect(answer.text).toBe("It is $5,000.")
      expect(server.requests.map(({ method }) => method)).toEqual(["POST", "GET"])
      expect(server.requests[1]!.target).toContain("/chat_history?chat_id=google-oauth2%7C117")
    })
  )

  it("by way of the Promise edition, too", async () => {
    await using server = await startRawServer(({ request, reset, write }) =>
      request.method === "GET" ? write(history(asked(), reply())) : reset()
    )
    await using client = createChatClient({ env: server.url, authToken: "t", retry: false })
    const { text } = await client.chat(wire.question, { onUncertain: "reconcile" })
    expect(text).toBe("It is $5,000.")
    const failing = client.chat(wire.question, { timeouts: { total: 10_000 } })
    expect(await rejection(failing)).toMatchObject({ _tag: "ApiError", messageArrived: "unknown" })
  })
})

describe("against the local service", () => {
  /** The real service, on a network that cuts the connection of the first message before or after it arrived. */
  const cutting = (env: string, when: "before" | "after") => {
    let posts = 0
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const isCut = init?.method === "POST" && ++posts === 1
      if (isCut && when === "before") throw new TypeError("fetch failed")
      const response = await globalThis.fetch(input, init)
      if (!isCut) return response
      await response.arrayBuffer()
      throw new TypeError("fetch failed")
    }
    return createChatClient({ env, authToken: "t", fetch, retry: { baseDelay: 1 } })
  }

  it.live.each<["before" | "after"]>([["before"], ["after"]])(
    "a message whose connection is cut %s it arrived is there once",
    ([when]) =>
      Effect.gen(function* () {
        const { documents, url } = yield* LocalServer
        const request = { userInput: question, chatId: when, fileId: documents[0]!.fileId }
        yield* Effect.promise(async () => {
          await using client = cutting(url, when)
          const { searchResults, text } = await client.chat(request, { onUncertain: "reconcile" })
          expect(text).toContain("$5,000")
          expect(searchResults[0]).toMatchObject({ fileName: "policy.md", pageNumber: 1 })
          const { messages } = await client.getChatHistory(request)
          expect(messages.map(({ text, type }) => [type, text])).toEqual([
            ["user", question],
            ["assistant", text]
          ])
        })
      }).pipe(
        Effect.provide(
          Layer.unwrap(
            Effect.map(policyFolder, ({ documents }) => LocalServer.layer({ port: 0, documents: [documents] }))
          )
        ),
        Effect.scoped
      )
  )
})
