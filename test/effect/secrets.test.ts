import { describe, expect, it } from "@effect/vitest"
import { ChatOperations, ChatStream } from "@weavai/effect"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { clientFor, token } from "../support/client.ts"
import { rawServer, type Script } from "../support/rawServer.ts"
import { chunk, event, eventStreamHead, head, json, lastChunk, response } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

/** A token in whose spellings percent-encoding and JSON's escapes show. */
const opaque = 'weav/"s3cr3t"\\+k=y%'
const anotherJwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl"

/** Every way in which a failure may reach a log. */
const dumpsOf = (cause: Cause.Cause<unknown>): ReadonlyArray<string> => {
  const error = Cause.squash(cause)
  return [error, cause].flatMap((value) => [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: Infinity, showHidden: true, getters: true, maxStringLength: Infinity }),
    Cause.pretty(cause),
    (error as Error).stack ?? "",
    (error as Error).message
  ])
}

/** Responses, good and bad, that hold a text in all the places where a response can hold one. */
const echoes: ReadonlyArray<[string, (text: string) => string]> = [
  ["the detail of a 401", (text) => json({ detail: `Bad token ${text}` }, { status: 401 })],
  ["an issue of a 422", (text) => json({ detail: [{ loc: ["header", text], msg: text }] }, { status: 422 })],
  ["another field of a 500", (text) => json({ request: { authorization: `Bearer ${text}` } }, { status: 500 })],
  ["a gateway's page", (text) => response(`<title>${text}</title><pre>${text}</pre>`, { status: 502 })],
  ["plain text", (text) => response(text, { status: 403 })],
  ["the end of what is kept of a body", (text) => response("x".repeat(990) + text, { status: 500 })],
  ["a body that is no JSON", (text) => response(`token: ${text}`)],
  ["a body that is not the contract's", (text) => json({ ...wire.chatResponse, timestamp: text, [text]: 1 })],
  ["the request id", (text) => json({}, { status: 500, headers: { "x-request-id": text } })],
  ["the request id of a good status", (text) => json({}, { headers: { "x-request-id": text } })],
  [
    "the request id of a stream that breaks off",
    (text) =>
      response(event({ error: "overloaded" }), {
        headers: { "content-type": "text/event-stream", "x-request-id": text }
      })
  ],
  ["Retry-After", (text) => json({}, { status: 429, headers: { "retry-after": text } })],
  ["other headers", (text) => json({}, { status: 404, headers: { "x-echo": text, "www-authenticate": text } })],
  ["the content type", (text) => head({ "content-type": text, "content-length": "2" }) + "{}"],
  ["an event", (text) => eventStreamHead + chunk(`data: ${text}\n\n`) + lastChunk],
  ["an error in a stream", (text) => eventStreamHead + chunk(event({ error: text })) + lastChunk]
]

const spellings: ReadonlyArray<[string, string, string]> = [
  ["as it is", token, token],
  ["as it is (opaque)", opaque, opaque],
  ["percent-encoded", opaque, encodeURIComponent(opaque)],
  ["percent-encoded in lower case", opaque, encodeURIComponent(opaque).replace(/%../g, (code) => code.toLowerCase())],
  ["JSON-escaped", opaque, JSON.stringify(opaque).slice(1, -1)],
  ["as another's JWT", token, anotherJwt]
]

/** The dumps of what `chat` and `streamChat` fail with when they are answered so. */
const dumpsOfFailures = Effect.fnUntraced(function* (authToken: string, script: Script) {
  const server = yield* rawServer(script)
  const exits = yield* Effect.all([
    ChatOperations.chat(wire.question).pipe(Effect.exit),
    ChatOperations.streamChat(wire.question).pipe(ChatStream.collect, Effect.exit)
  ]).pipe(Effect.provide(clientFor(server, { authToken: Redacted.make(authToken) })))
  return exits.flatMap((exit) => (Exit.isSuccess(exit) ? expect.fail("the call must fail") : dumpsOf(exit.cause)))
})

for (const [spelling, authToken, text] of spellings) {
  describe(`no dump of a failure holds a token that was echoed ${spelling}`, () => {
    it.effect.each(echoes)("in %s", ([, answer]) =>
      Effect.gen(function* () {
        const dumps = yield* dumpsOfFailures(authToken, ({ write }) => write(answer(text)))
        for (const dump of dumps) expect(dump).not.toContain(text)
      })
    )
  })
}

describe("no dump of a failure holds the token", () => {
  it.effect.each<[string, (text: string) => string]>([
    ["slashes", (text) => text.replaceAll("/", "\\/")],
    ["everything", (text) => text.replaceAll(/./g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)]
  ])("that was echoed in JSON that escapes %s", ([, escape]) =>
    Effect.gen(function* () {
      const echo = escape(opaque.replaceAll(/["\\]/g, ""))
      const dumps = yield* dumpsOfFailures(opaque.replaceAll(/["\\]/g, ""), ({ write }) =>
        write(response(`{"detail":"Bad token ${echo}"}`, { status: 401 }))
      )
      for (const dump of dumps) expect(dump).not.toContain(JSON.parse(`"${echo}"`))
    })
  )

  it.effect.each([
    ["backslashes", "\\".repeat(40_000)],
    ["beginnings of JWTs", "-eyJaaaaa".repeat(10_000)],
    ["beginnings of the token", token.slice(0, -1).repeat(5000)],
    ["percent signs", "%25".repeat(100_000)]
  ])("and looking for it takes no time to speak of, in a body of %s", ([, body]) =>
    Effect.gen(function* () {
      const began = performance.now()
      yield* dumpsOfFailures(token, ({ write }) => write(response(body!, { status: 500 })))
      expect(performance.now() - began).toBeLessThan(1000)
    })
  )

  it.effect("when no response comes", () =>
    Effect.gen(function* () {
      const dumps = yield* dumpsOfFailures(token, ({ reset }) => reset())
      for (const dump of dumps) expect(dump).not.toContain(token)
    })
  )
})
