import { describe, expect, it } from "@effect/vitest"
import { CallObserver, ChatOperations, ChatStream, type WeavConfigOptions } from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { inProcess, token } from "../support/client.ts"
import { event } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

type Respond = Parameters<typeof inProcess>[0]

/** Runs calls that are followed, against a service that is a function; tells what was heard of them. */
const follow = (respond: Respond, options?: Partial<WeavConfigOptions>) => {
  const heard: Array<readonly [string, unknown]> = []
  const hear = (name: string) => (what: unknown) => void heard.push([name, what])
  const observer: CallObserver.CallObserver = (call) => {
    hear("call")(call)
    return {
      onRequest: hear("request"),
      onResponse: ({ headers, ...response }) => hear("response")({ ...response, type: headers["content-type"] }),
      onRetry: ({ attempts, error, delay }) => hear("retry")([attempts, error._tag, delay >= 0]),
      onPieces: (pieces) => hear("pieces")(pieces.map(({ text }) => text)),
      onEnd: hear("end")
    }
  }
  const service = inProcess(respond, options)
  return { heard, observer, run: Effect.provide([service, CallObserver.layer(observer)]), service }
}

const historyRequest = { operation: "getChatHistory", method: "GET", url: "http://localhost/chat-service/chat_history" }
const history = () => Response.json(wire.chatHistory)
const chatRequest = { operation: "chat", method: "POST", url: "http://localhost/chat-service/chat" }

describe("an observer", () => {
  it.effect("hears of a call from its beginning to its end, without the query of its URL", () =>
    Effect.gen(function* () {
      const { heard, run } = follow(history)
      yield* run(ChatOperations.getChatHistory({ chatId: "c" }))
      expect(heard).toEqual([
        ["call", { operation: "getChatHistory", chatId: "c" }],
        ["request", historyRequest],
        ["response", { ...historyRequest, status: 200, type: "application/json" }],
        ["end", { outcome: "success" }]
      ])
    })
  )

  it.effect("of a streamed answer to its last piece", () =>
    Effect.gen(function* () {
      const body = event(wire.piece("Hail ")) + event(wire.piece("is covered."))
      const { heard, run } = follow(() => new Response(body, { headers: { "content-type": "text/event-stream" } }))
      yield* run(ChatStream.collect(ChatOperations.streamChat(wire.question)))
      expect(heard.map(([name]) => name)).toEqual(["call", "request", "response", "pieces", "end"])
      expect(heard.slice(3)).toEqual([
        ["pieces", ["Hail ", "is covered."]],
        ["end", { outcome: "success" }]
      ])
    })
  )

  it.live("of what is sent again, and of the failure in the end", () =>
    Effect.gen(function* () {
      const { heard, run } = follow(() => new Response("", { status: 502 }), { retry: { baseDelay: "1 millis" } })
      const error = yield* run(Effect.flip(ChatOperations.getChatHistory({ chatId: "c" })))
      expect(heard.filter(([name]) => name === "request").length).toBe(3)
      expect(heard.filter(([name]) => name === "retry")).toEqual([
        ["retry", [1, "ApiError", true]],
        ["retry", [2, "ApiError", true]]
      ])
      expect(heard.at(-1)).toEqual(["end", { outcome: "failure", error }])
    })
  )

  it.effect("of requests that are not retries: with a fresh token, and after a redirect", () =>
    Effect.gen(function* () {
      const tokens = ["stale", "fresh"]
      const authToken = Effect.sync(() => Redacted.make(tokens.shift() ?? token))
      const { heard, run } = follow(
        (request) => {
          if (request.headers.get("authorization") === "Bearer stale") return new Response("", { status: 401 })
          return request.url.endsWith("/moved")
            ? history()
            : new Response("", { status: 307, headers: { location: "/moved" } })
        },
        { authToken }
      )
      yield* run(ChatOperations.getChatHistory({ chatId: "c" }))
      const of = (name: string) => heard.filter((entry) => entry[0] === name).map((entry) => entry[1])
      expect(of("request")).toEqual([
        historyRequest,
        historyRequest,
        { ...historyRequest, url: "http://localhost/moved" }
      ])
      expect(of("response")).toMatchObject([{ status: 401 }, { status: 307 }, { status: 200 }])
    })
  )

  it.live("of the search for a message of unknown fate, by its own name", () =>
    Effect.gen(function* () {
      const answered = [
        { ...wire.historyMessage, text: wire.question.userInput, timestamp: new Date().toISOString() },
        { ...wire.historyMessage, text: "$5,000.", type: "assistant", timestamp: new Date().toISOString() }
      ]
      const { heard, run } = follow((request) => {
        if (request.method === "POST") throw new TypeError("fetch failed")
        return Response.json({ messages: answered }, { headers: { date: new Date().toUTCString() } })
      })
      yield* run(ChatOperations.chat(wire.question, { onUncertain: "reconcile" }))
      expect(heard).toEqual([
        ["call", { operation: "chat", chatId: wire.chatId }],
        ["request", chatRequest],
        ["request", historyRequest],
        ["response", { ...historyRequest, status: 200, type: "application/json" }],
        ["end", { outcome: "success" }]
      ])
    })
  )

  it.effect("of a call that is refused before it is sent", () =>
    Effect.gen(function* () {
      const { heard, run } = follow(history)
      const error = yield* run(Effect.flip(ChatOperations.chat(undefined as never)))
      expect(heard).toEqual([
        ["call", { operation: "chat", chatId: undefined }],
        ["end", { outcome: "failure", error }]
      ])
    })
  )

  it.effect("can be given to a single call", () =>
    Effect.gen(function* () {
      const { heard, observer, service } = follow(history)
      const call = ChatOperations.getChatHistory({ chatId: "c" })
      yield* Effect.provide(call, service)
      yield* call.pipe(Effect.provideContext(CallObserver.context(observer)), Effect.provide(service))
      expect(heard.filter(([name]) => name === "call").length).toBe(1)
    })
  )

  it.effect.each(["onRequest", "onResponse", "onPieces", "onEnd"] as const)(
    "that throws in %s is a defect of the call, not a hang",
    (name) =>
      Effect.gen(function* () {
        const { service } = follow(
          () => new Response(event(wire.piece("Hail")), { headers: { "content-type": "text/event-stream" } })
        )
        const throwing = () => {
          throw new Error("the observer's")
        }
        const exit = yield* Stream.runDrain(ChatOperations.streamChat(wire.question)).pipe(
          Effect.provideContext(CallObserver.context(() => ({ [name]: throwing }))),
          Effect.provide(service),
          Effect.exit
        )
        expect(Exit.isFailure(exit) && Exit.hasDies(exit)).toBe(true)
      })
  )
})
