import { expect, it } from "@effect/vitest"
import { createChatClient, WeavConfigError } from "@weavai/promise"
import { token } from "../support/client.ts"
import { rejection } from "../support/promises.ts"
import * as wire from "../support/wireExamples.ts"

it("limits the requests in flight, and a call that is aborted waits no more", async () => {
  const arrivals: Array<PromiseWithResolvers<() => void>> = [Promise.withResolvers(), Promise.withResolvers()]
  let sent = 0
  const fetch = () =>
    new Promise<Response>((resolve) => {
      arrivals[sent++]!.resolve(() => resolve(Response.json(wire.chatHistory)))
    })
  await using client = createChatClient({ env: "local", authToken: token, fetch, limits: { maxInFlight: 1 } })
  const abort = new AbortController()
  const first = client.getChatHistory({ chatId: "1" })
  const second = rejection(client.getChatHistory({ chatId: "2" }, { signal: abort.signal }))
  const third = client.getChatHistory({ chatId: "3" })
  const answerFirst = await arrivals[0]!.promise
  expect(sent).toBe(1)
  abort.abort()
  expect(await second).toMatchObject({ name: "AbortError" })
  answerFirst()
  await first
  const answerThird = await arrivals[1]!.promise
  answerThird()
  await third
  expect(sent).toBe(2)
})

it("refuses a limit that is none", () => {
  expect(() => createChatClient({ env: "local", authToken: token, limits: { perSecond: -1 } })).toThrow(
    new WeavConfigError({ option: "perSecond", description: "must be a number above zero, got -1." })
  )
})

it("lets callers take turns", async () => {
  const sent: Array<string> = []
  const fetch = async (input: RequestInfo | URL) => {
    sent.push(new URL(String(input)).searchParams.get("chat_id")!)
    return Response.json(wire.chatHistory)
  }
  await using client = createChatClient({ env: "local", authToken: token, fetch, limits: { maxInFlight: 1 } })
  const ask = (chatId: string, caller?: string) => client.getChatHistory({ chatId }, { caller })
  await Promise.all([ask("a1"), ask("a2"), ask("a3"), ask("b1", "b"), ask("b2", "b")])
  expect(sent).toEqual(["a1", "a2", "b1", "a3", "b2"])
})
