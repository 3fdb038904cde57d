/**
 * One exchange with a chat service, through each edition of the SDK: the same in every JavaScript runtime, so it knows of none.
 */
import { ChatOperations, ChatStream, type HttpClient, WeavConfig } from "@weavai/effect"
import { createChatClient } from "@weavai/promise"
import { Deferred, Effect, Exit, Fiber, type Layer, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"

/** Where the services are: one that answers, and one whose streamed answers stop after their first piece. */
export interface Target {
  readonly url: string
  readonly stallingUrl: string
  readonly fileId: string
  /** Chats of this name are this exchange's alone. */
  readonly name: string
}

/** What came of the operations. */
export interface Outcome {
  readonly answer: string
  readonly pieces: ReadonlyArray<string>
  readonly rows: ReadonlyArray<string>
  readonly missing: string
  readonly aborted: string
}

const token = "a-token-of-the-runtimes-test"

export const effectExchange = (
  { url, stallingUrl, fileId, name }: Target,
  httpClient: Layer.Layer<HttpClient, unknown> = FetchHttpClient.layer
): Promise<Outcome> => {
  const request = { userInput: "What is the rent?", chatId: name, fileId }
  const service = (env: string) => WeavConfig.layer({ env, authToken: Redacted.make(token) })

  const stalled = Effect.gen(function* () {
    const hasBegun = yield* Deferred.make<void>()
    const reading = yield* ChatOperations.streamChat(request).pipe(
      Stream.runForEach(() => Deferred.succeed(hasBegun, undefined)),
      Effect.forkChild
    )
    yield* Deferred.await(hasBegun)
    yield* Fiber.interrupt(reading)
    const exit = yield* Fiber.await(reading)
    return Exit.hasInterrupts(exit) ? "interrupted" : "not interrupted"
  }).pipe(Effect.provide(service(stallingUrl)))

  return Effect.gen(function* () {
    const { text: answer } = yield* ChatOperations.chat(request)
    const pieces = yield* ChatOperations.streamChat(request).pipe(ChatStream.text, Stream.runCollect)
    const rows = yield* ChatOperations.chatLogs({ pageSize: 3 }).pipe(
      Stream.filter(({ chatId }) => chatId === name),
      Stream.map(({ text }) => text),
      Stream.runCollect
    )
    const missing = yield* Effect.flip(ChatOperations.getChatHistory({ chatId: `no ${name}` }))
    const aborted = yield* stalled
    return { answer, pieces, rows, missing: missing._tag, aborted }
  }).pipe(Effect.provide([service(url), httpClient]), Effect.runPromise)
}

export const promiseExchange = async ({ url, stallingUrl, fileId, name }: Target): Promise<Outcome> => {
  const request = { userInput: "What is the rent?", chatId: name, fileId }
  const client = createChatClient({ env: url, authToken: token })
  const stalling = createChatClient({ env: stallingUrl, authToken: token })

  const { text: answer } = await client.chat(request)
  const pieces: Array<string> = []
  for await (const piece of client.streamChat(request).text()) pieces.push(piece)
  const rows: Array<string> = []
  for await (const row of client.chatLogs({ pageSize: 3 })) if (row.chatId === name) rows.push(row.text)
  const missing = await client.getChatHistory({ chatId: `no ${name}` }).then(
    () => "found",
    (error) => error._tag
  )

  const controller = new AbortController()
  const read = async () => {
    for await (const _ of stalling.streamChat(request, { signal: controller.signal })) controller.abort("enough")
    return "not aborted"
  }
  const aborted = await read().catch((error) => `${error.name}: ${error.cause}`)

  await Promise.all([client.close(), stalling.close()])
  return { answer, pieces, rows, missing, aborted }
}
