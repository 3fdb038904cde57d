/**
 * A token goes through every fault and every echo with all that listens switched on, and shows nowhere but in the
 * authorization header on the wire.
 */
import { describe, expect, it } from "@effect/vitest"
import { ApiError, NotFound, TransportError, Unauthorized } from "@weavai/effect"
import * as Effect from "effect/Effect"
import { token } from "../support/client.ts"
import { type Edition, effectEdition, type OperationName, operations, promiseEdition } from "../support/editions.ts"
import { type Fault, faults, goodFor } from "../support/faults.ts"
import { dumpsOfFailure, listen } from "../support/overheard.ts"
import { type RawServer, startRawServer } from "../support/rawServer.ts"
import { chunk, event, eventStreamHead, head, json, lastChunk, response } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

/** A token in whose spellings percent-encoding and JSON's escapes show. */
const opaque = 'weav/"s3cr3t"\\+k=y%'
const anotherJwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl"

/** Responses, good and bad, that hold a text in all the places where a response can hold one. */
const echoes: ReadonlyArray<[string, (text: string) => string]> = [
  ["the detail of a 401", (text) => json({ detail: `Bad token ${text}` }, { status: 401 })],
  ["an issue of a 422", (text) => json({ detail: [{ loc: ["header", text], msg: text }] }, { status: 422 })],
  ["another field of a 500", (text) => json({ request: { authorization: `Bearer ${text}` } }, { status: 500 })],
  ["a detail that is an object", (text) => json({ detail: { [text]: text } }, { status: 409 })],
  ["a gateway's page", (text) => response(`<title>${text}</title><pre>${text}</pre>`, { status: 502 })],
  ["plain text", (text) => response(text, { status: 403 })],
  ["a URL", (text) => json({ detail: `No route for https://weav.ai/chat?token=${text}&a=1` }, { status: 404 })],
  ["a location", (text) => response("", { status: 307, headers: { location: `https://weav.ai/${text}?${text}` } })],
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
  ["the status line", (text) => response("", { status: 500 }).replace("Any", text)],
  ["the content type", (text) => head({ "content-type": text, "content-length": "2" }) + "{}"],
  ["what is no HTTP", (text) => `HTTP/1.1 200 OK\r\n${text}\r\n\r\n`],
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

type Requests = RawServer["requests"]

/** Calls every operation through each edition and client: all that was said of it, and what was sent. */
const overhear = async (
  authToken: string,
  start: (operation: OperationName) => Promise<RawServer>,
  {
    clients = ["fetch", "undici"],
    timeouts = {}
  }: { readonly clients?: ReadonlyArray<Edition["client"]>; readonly timeouts?: Fault["timeouts"] } = {}
) => {
  using listener = listen()
  const said: Array<string> = []
  const sent: Array<Requests[number]> = []
  let failed = 0
  for (const edition of [...clients.map((client) => effectEdition(client, listener.to)), promiseEdition]) {
    const call = async (operation: OperationName) => {
      await using server = await start(operation)
      await using client = edition.open(server.url, { authToken, timeouts, retry: { maxAttempts: 2, baseDelay: 1 } })
      await client.call(operation).catch((error: unknown) => {
        if (!(error instanceof ApiError || error instanceof Unauthorized || error instanceof NotFound)) throw error
        failed++
        console.log(error)
        said.push(...dumpsOfFailure(error))
      })
      sent.push(...server.requests)
    }
    await Promise.all(operations.map(call))
  }
  said.push(...listener.heard())
  // The span of a call, as `Telemetry` names it.
  expect(said).toContain("get_chat_history")
  return { failed, said, sent }
}

/** Calls every operation against a service that answers all of them with these bytes: each must fail. */
const overhearFailures = async (authToken: string, bytes: string) => {
  const start = () => startRawServer(({ write }) => write(bytes))
  // The Promise edition runs on `fetch`.
  const { failed, said } = await overhear(authToken, start, { clients: ["undici"] })
  expect(failed).toBe(2 * operations.length)
  return said
}

describe("nothing that is said of a call holds the token", () => {
  for (const { faults: alike, what } of faults) {
    it.each(alike)(`${what}: $name`, async ({ start, timeouts }) => {
      const { said, sent } = await overhear(token, (operation) => start(goodFor(operation)), { timeouts })
      for (const text of said) expect(text).not.toContain(token)
      for (const { headers, ...request } of sent) {
        const { authorization, ...others } = headers
        expect(authorization).toBe(`Bearer ${token}`)
        expect(JSON.stringify([request, others])).not.toContain(token)
      }
    })
  }

  it("and all of it is heard", async () => {
    using listener = listen()
    const program = Effect.logTrace("a log").pipe(
      Effect.andThen(Effect.sync(() => console.debug("the console"))),
      Effect.andThen(Effect.annotateCurrentSpan("key", "an attribute")),
      Effect.andThen(Effect.fail("a failure")),
      Effect.withSpan("a span"),
      listener.to
    )
    expect(await Effect.runPromise(Effect.flip(program))).toBe("a failure")
    const all = listener.heard().join("\n")
    for (const text of ["a log", "the console", "an attribute", "a failure", "a span"]) expect(all).toContain(text)
    const reason = new TransportError({ operation: "chat", description: token })
    for (const dump of dumpsOfFailure(new ApiError({ reason, attempts: 1 }))) expect(dump).toContain(token)
  })
})

for (const [spelling, authToken, text] of spellings) {
  describe(`nothing that is said of a call holds a token that was echoed ${spelling}`, () => {
    it.each(echoes)("in %s", async (_, answer) => {
      for (const dump of await overhearFailures(authToken, answer(text))) expect(dump).not.toContain(text)
    })
  })
}

describe("nothing that is said of a call holds a token", () => {
  it.each<[string, (text: string) => string]>([
    ["slashes", (text) => text.replaceAll("/", "\\/")],
    ["everything", (text) => text.replaceAll(/./g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)]
  ])("that was echoed in JSON that escapes %s", async (_, escape) => {
    const secret = opaque.replaceAll(/["\\]/g, "")
    const said = await overhearFailures(secret, response(`{"detail":"Bad token ${escape(secret)}"}`, { status: 401 }))
    for (const dump of said) expect(dump).not.toContain(secret)
  })

  const long = token.repeat(40).slice(0, 2000)
  it.each([
    ["words", "Busy"],
    ["backslashes", "\\".repeat(40_000)],
    ["beginnings of JWTs", "-eyJaaaaa".repeat(10_000)],
    ["beginnings of the token", long.slice(0, -1).repeat(200)],
    ["percent signs", "%25".repeat(100_000)]
  ])("and looking for it takes no time to speak of, in %s", async (_, body) => {
    await using server = await startRawServer(({ write }) => write(response(body, { status: 500 })))
    await using client = effectEdition("fetch").open(server.url, { authToken: long })
    const began = performance.now()
    for (let i = 0; i < 5; i++) await client.call("chat").catch(() => {})
    expect(performance.now() - began).toBeLessThan(1000)
  })
})
