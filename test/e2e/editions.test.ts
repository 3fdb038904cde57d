/**
 * The same scenarios through the Effect edition, the Promise edition and plain `fetch`, against the local service: all
 * three are held to the same results.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Sdk from "@weavai/effect"
import { LocalServer } from "@weavai/local"
import { createChatClient } from "@weavai/promise"
import { Effect, Redacted, Schema, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { fileURLToPath } from "node:url"

const policy = fileURLToPath(
  new URL("../../packages/examples/documents/commercial-property-policy.md", import.meta.url)
)
const token = "a-token-of-the-editions-test"
const Service = LocalServer.layer({ port: 0, documents: [policy], token: Redacted.make(token) })

interface Target {
  readonly url: string
  readonly token: string
}

/** One way to call the service; results as the models of the SDK, failures as the tags of its errors. */
interface Edition {
  readonly chat: (to: Target, request: Sdk.ChatRequest) => Promise<Sdk.ChatResponse>
  readonly streamChat: (to: Target, request: Sdk.ChatRequest) => Promise<ReadonlyArray<Sdk.ChatResponse>>
  readonly getChatHistory: (to: Target, request: Sdk.GetChatHistoryRequest) => Promise<Sdk.ChatHistoryResponse>
  readonly getChatLogs: (to: Target, request: { skip?: number; limit?: number }) => Promise<Sdk.ChatLogsResponse>
  readonly chatLogs: (to: Target, request: { pageSize: number }) => Promise<ReadonlyArray<Sdk.Message>>
}

const runEffect = <A>(
  to: Target,
  effect: Effect.Effect<A, Sdk.ChatError, Sdk.WeavConfig | Sdk.HttpClient>
): Promise<A> =>
  effect.pipe(
    Effect.provide([Sdk.WeavConfig.layer({ env: to.url, authToken: Redacted.make(to.token) }), FetchHttpClient.layer]),
    Effect.runPromise
  )

const effectEdition: Edition = {
  chat: (to, request) => runEffect(to, Sdk.ChatOperations.chat(request)),
  streamChat: (to, request) => runEffect(to, Stream.runCollect(Sdk.ChatOperations.streamChat(request))),
  getChatHistory: (to, request) => runEffect(to, Sdk.ChatOperations.getChatHistory(request)),
  getChatLogs: (to, request) => runEffect(to, Sdk.ChatOperations.getChatLogs(request)),
  chatLogs: (to, request) => runEffect(to, Stream.runCollect(Sdk.ChatOperations.chatLogs(request)))
}

const clientOf = (to: Target) => createChatClient({ env: to.url, authToken: to.token })

const promiseEdition: Edition = {
  chat: (to, request) => clientOf(to).chat(request),
  streamChat: (to, request) => Array.fromAsync(clientOf(to).streamChat(request)),
  getChatHistory: (to, request) => clientOf(to).getChatHistory(request),
  getChatLogs: (to, request) => clientOf(to).getChatLogs(request),
  chatLogs: (to, request) => Array.fromAsync(clientOf(to).chatLogs(request))
}

const fetchOk = async (to: Target, path: string, body?: object): Promise<Response> => {
  const response = await fetch(`${to.url}/chat-service${path}`, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${to.token}`, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) })
  })
  if (response.ok) return response
  await response.body?.cancel()
  throw Object.assign(new Error(`status ${response.status}`), {
    _tag: response.status === 401 ? "Unauthorized" : response.status === 404 ? "NotFound" : "ApiError"
  })
}

const decodeMessage = Schema.decodeUnknownSync(Sdk.ChatResponse)

const wireRequest = ({ chatId, fileId, userInput }: Sdk.ChatRequest, stream: boolean) => ({
  user_input: userInput,
  chat_id: chatId,
  file_id: fileId,
  stream
})

const plainFetch: Edition = {
  async chat(to, request) {
    return decodeMessage(await (await fetchOk(to, "/chat", wireRequest(request, false))).json())
  },
  async streamChat(to, request) {
    const body = await (await fetchOk(to, "/chat", wireRequest(request, true))).text()
    return body
      .split("\n\n")
      .map((event) => event.slice("data: ".length))
      .filter((data) => data !== "" && data !== "[DONE]")
      .map((data) => decodeMessage(JSON.parse(data)))
  },
  async getChatHistory(to, { chatId }) {
    const response = await fetchOk(to, `/chat_history?chat_id=${encodeURIComponent(chatId)}`)
    return Schema.decodeUnknownSync(Sdk.ChatHistoryResponse)(await response.json())
  },
  async getChatLogs(to, { limit = 25, skip = 0 }) {
    const response = await fetchOk(to, `/chat_logs/?skip=${skip}&limit=${limit}`)
    return Schema.decodeUnknownSync(Sdk.ChatLogsResponse)(await response.json())
  },
  async chatLogs(to, { pageSize }) {
    const rows: Array<Sdk.Message> = []
    for (;;) {
      const page = await plainFetch.getChatLogs(to, { skip: rows.length, limit: pageSize })
      rows.push(...page.messages)
      if (rows.length >= page.totalRecords) return rows
    }
  }
}

const editions = { effect: effectEdition, promise: promiseEdition, fetch: plainFetch }

/** A message is stored anew by each edition: of its answer, all but the identity must be the same. */
const anonymous = (answer: Sdk.ChatResponse) => ({ ...answer, messageId: "any", timestamp: "any" })

const join = (pieces: ReadonlyArray<Sdk.ChatResponse>) => {
  const answer = Sdk.ChatStream.makeAnswer()
  pieces.forEach(answer.add)
  return anonymous(answer.value()!)
}

type Scenario = (edition: Edition, to: Target, fileId: string) => Promise<unknown>

const question = { userInput: "What is the deductible for equipment breakdown?", chatId: "editions | a chat/ü" }
const stranger = (to: Target): Target => ({ ...to, token: "not-the-token" })

const scenarios: { readonly [name: string]: Scenario } = {
  "an answer": async (edition, to, fileId) => anonymous(await edition.chat(to, { ...question, fileId })),
  "an answer to what the document does not say": async (edition, to, fileId) =>
    anonymous(await edition.chat(to, { ...question, userInput: "Who won the 1998 World Cup?", fileId })),
  "a streamed answer": async (edition, to, fileId) => join(await edition.streamChat(to, { ...question, fileId })),
  "the number of pieces": async (edition, to, fileId) => (await edition.streamChat(to, { ...question, fileId })).length,
  "a chat's history": async (edition, to) => {
    const { messages } = await edition.getChatHistory(to, { chatId: "before" })
    return messages
  },
  "a page of the logs": async (edition, to) => {
    const { messages, totalRecords } = await edition.getChatLogs(to, { skip: 2, limit: 3 })
    return { count: messages.length, isAllThere: totalRecords >= 6 }
  },
  "the end of the logs": async (edition, to) =>
    (await edition.chatLogs(to, { pageSize: 4 })).slice(-6).map((row) => ({ ...row, cursor: "any" })),
  "an unknown document": (edition, to) => edition.chat(to, { ...question, fileId: "0123456789abcdef01234567" }),
  "an unknown document, streamed": (edition, to) =>
    edition.streamChat(to, { ...question, fileId: "0123456789abcdef01234567" }),
  "an unknown chat": (edition, to) => edition.getChatHistory(to, { chatId: "nobody spoke here" }),
  "a wrong token": (edition, to) => edition.getChatLogs(stranger(to), {}),
  "a wrong token, streamed": (edition, to, fileId) => edition.streamChat(stranger(to), { ...question, fileId }),
  "a page without rows": (edition, to) => edition.getChatLogs(to, { limit: 0 })
}

const outcome = (result: Promise<unknown>): Promise<unknown> =>
  result.then(
    (value) => ({ value }),
    (error: { readonly _tag?: string }) => ({ tag: error._tag })
  )

describe("three editions", () => {
  layer(Service)((it) => {
    it.effect("the service holds a chat that nobody adds to", () =>
      Effect.gen(function* () {
        const server = yield* LocalServer
        const fileId = server.documents[0]!.fileId
        for (const userInput of ["Who is the insured?", "Is flood covered?", "What is the premium?"]) {
          yield* Effect.promise(() =>
            plainFetch.chat({ url: server.url, token }, { userInput, chatId: "before", fileId })
          )
        }
      })
    )

    for (const [name, scenario] of Object.entries(scenarios)) {
      it.effect(name, () =>
        Effect.gen(function* () {
          const server = yield* LocalServer
          const to = { url: server.url, token }
          const fileId = server.documents[0]!.fileId
          const results = yield* Effect.promise(async () => {
            const all: { [name: string]: unknown } = {}
            for (const [name, edition] of Object.entries(editions)) {
              all[name] = await outcome(scenario(edition, to, fileId))
            }
            return all
          })
          assert.isDefined(results["fetch"])
          assert.deepStrictEqual(results["effect"], results["fetch"])
          assert.deepStrictEqual(results["promise"], results["fetch"])
        })
      )
    }

    it.effect("a collected stream equals the answer that chat returns", () =>
      Effect.gen(function* () {
        const server = yield* LocalServer
        const to = { url: server.url, token }
        const request = { ...question, fileId: server.documents[0]!.fileId }
        const whole = yield* Effect.promise(() => effectEdition.chat(to, request))
        const pieces = yield* Effect.promise(() => effectEdition.streamChat(to, request))
        assert.isAbove(pieces.length, 5)
        assert.deepStrictEqual(join(pieces), anonymous(whole))
      })
    )
  })
})
