/**
 * What is dropped without being closed: it leaves nothing open once it is collected as garbage.
 */
import { expect, it } from "@effect/vitest"
import { type AnswerStream, createChatClient } from "@weavai/promise"
import { setImmediate } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { token } from "../support/client.ts"
import { readAll, rejection } from "../support/promises.ts"
import { type RawServer, type Script, startRawServer } from "../support/rawServer.ts"
import { chunk, event, eventStreamHead, head, json, lastChunk } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

/** Collects garbage until something has happened. */
const collectUntil = async (happened: Promise<unknown>): Promise<void> => {
  const pending = Symbol("pending")
  for (let turn = 0; turn < 100; turn++) {
    collectGarbage()
    if ((await Promise.race([happened, setImmediate(pending)])) !== pending) return
  }
  expect.fail("it did not happen")
}

const collectOften = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) {
    collectGarbage()
    await setImmediate()
  }
}

const first = eventStreamHead + chunk(event(wire.piece("Hail ")))
const rest = chunk(event(wire.piece("is covered."))) + lastChunk

/** A service whose answer stays open after its first piece. */
const startOpenEnded = (script: Script = ({ write }) => write(first)) => startRawServer(script)

const clientFor = ({ url }: RawServer) => createChatClient({ env: url, authToken: token })
const answerFrom = (server: RawServer) => clientFor(server).streamChat(wire.question)

it.each<[string, (answer: AnswerStream) => Promise<unknown>]>([
  ["an iterator", (answer) => answer[Symbol.asyncIterator]().next()],
  ["an iterator of text", (answer) => answer.text()[Symbol.asyncIterator]().next()],
  ["a web stream", (answer) => answer.toReadableStream().getReader().read()],
  ["a response", async (answer) => void (await answer.toResponse())],
  ["a response, begun", async (answer) => void (await (await answer.toResponse()).body!.getReader().read())],
  ["an answer that was begun", async (answer) => void (await answer.withResponse())]
])("%s that is dropped in the middle closes its connection", async (_, begin) => {
  await using server = await startOpenEnded()
  await begin(answerFrom(server))
  const { closed } = await server.received()
  await collectUntil(closed)
})

it("an answer whose iterator was dropped has been left", async () => {
  await using server = await startOpenEnded()
  const answer = answerFrom(server)
  const whole = answer[Symbol.asyncIterator]()
    .next()
    .then(() => rejection(answer.final()))
  await collectUntil(whole)
  expect((await whole).message).toBe("The answer was left before its end.")
})

it("a walk through the logs that is dropped closes its connections", async () => {
  const page = { messages: [wire.logRow, wire.logRow], total_records: 9, current_skip: 0 }
  await using server = await startOpenEnded(({ write }, i) => write(i === 0 ? json(page) : head({})))
  await clientFor(server).chatLogs({ pageSize: 2, concurrency: 1 })[Symbol.asyncIterator]().next()
  const { closed } = await server.received(1)
  await collectUntil(closed)
})

it.each<[string, (answer: AnswerStream) => Promise<unknown>, unknown]>([
  ["an iterator", (answer) => answer[Symbol.asyncIterator]().next(), { value: { text: "Hail " } }],
  ["an iterator of text", (answer) => answer.text()[Symbol.asyncIterator]().next(), { value: "Hail " }],
  ["a loop", (answer) => readAll(answer.text()), ["Hail ", "is covered."]],
  ["a web stream", (answer) => answer.toReadableStream().getReader().read(), { value: { text: "Hail " } }],
  ["a response", (answer) => answer.toResponse(), { status: 200 }],
  ["a response's text", async (answer) => (await answer.toResponse()).text(), expect.stringContaining("covered")],
  ["withResponse", (answer) => answer.withResponse(), { response: { status: 200 } }],
  ["final", (answer) => answer.final(), { text: "Hail is covered." }]
])("%s that is waited for is no garbage, though nobody else holds it", async (_, begin, expected) => {
  const go = Promise.withResolvers<void>()
  await using server = await startOpenEnded(async ({ write }) => {
    await go.promise
    await write(first + rest)
  })
  const waiting = begin(answerFrom(server))
  await server.received()
  await collectOften()
  go.resolve()
  const value = await waiting
  if (typeof value === "string") expect(value).toEqual(expected)
  else expect(value).toMatchObject(expected as object)
})

it("an iterator outlives its answer and its client", async () => {
  const go = Promise.withResolvers<void>()
  await using server = await startOpenEnded(async ({ write }) => {
    await write(first)
    await go.promise
    await write(rest)
  })
  const pieces = answerFrom(server)[Symbol.asyncIterator]()
  await pieces.next()
  await collectOften()
  go.resolve()
  expect((await pieces.next()).value?.text).toBe("is covered.")
  expect((await pieces.next()).done).toBe(true)
})
