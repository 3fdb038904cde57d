import { describe, expect, it } from "@effect/vitest"
import { ChatOperations } from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { failureOf, inProcess } from "../support/client.ts"
import * as wire from "../support/wireExamples.ts"

/** The JSON of a piece with no more than what must be there. */
const json = (text: string) =>
  JSON.stringify({ message_id: "", chat_id: "", text, timestamp: "2024-09-25", type: "", vote: "" })

const bytes = (text: string) => new TextEncoder().encode(text)

/** A body of these chunks, each handed out when it is asked for. */
const bodyOf = (chunks: Iterable<Uint8Array>) => {
  const rest = chunks[Symbol.iterator]()
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const next = rest.next()
    if (next.done) controller.close()
    else controller.enqueue(next.value)
  }
  return new ReadableStream({ pull }, { highWaterMark: 0 })
}

/** A service that answers with these chunks. */
const answering = (contentType: string | undefined, chunks: Iterable<Uint8Array>) => {
  const headers = { "x-request-id": "r-7", ...(contentType !== undefined && { "content-type": contentType }) }
  return inProcess(() => new Response(bodyOf(chunks), { headers }))
}

/** The texts of the pieces, in order, and what ended the stream early, if something did. */
const read = Effect.fnUntraced(function* (service: ReturnType<typeof answering>) {
  const texts: Array<string> = []
  const failure = yield* ChatOperations.streamChat(wire.question).pipe(
    Stream.runForEach(({ text }) => Effect.sync(() => texts.push(text))),
    failureOf,
    Effect.catch(() => Effect.undefined),
    Effect.provide(service)
  )
  return { texts, failure }
})

const sse = "text/event-stream"
const a = json("Hail")
const b = json(" is…")

describe("an answer", () => {
  const cases: ReadonlyArray<[string, string, string, ReadonlyArray<string>]> = [
    ["lines that end with LF", sse, `data: ${a}\n\ndata: ${b}\n\n`, ["Hail", " is…"]],
    ["lines that end with CRLF", sse, `data: ${a}\r\n\r\ndata: ${b}\r\n\r\n`, ["Hail", " is…"]],
    ["lines that end with CR", sse, `data: ${a}\r\rdata: ${b}\r\r`, ["Hail", " is…"]],
    ["lines that end in all ways", sse, `data: ${a}\r\n\ndata: ${b}\n\r`, ["Hail", " is…"]],
    ["a byte order mark", sse, `\uFEFFdata: ${a}\n\n`, ["Hail"]],
    ["comments", sse, `: hello\n\n:\n\n: in\ndata: ${a}\n: side\n\n:`, ["Hail"]],
    ["ids, retries and unknown fields", sse, `id: 7\nretry: 10\nfoo: bar\ndataset: x\nbaz\ndata: ${a}\n\n`, ["Hail"]],
    ["an id alone", sse, `id: 7\n\ndata: ${a}\n\n`, ["Hail"]],
    ["data without a space", sse, `data:${a}\n\n`, ["Hail"]],
    ["data with more than one space", sse, `data:   ${a}\n\n`, ["Hail"]],
    ["empty data", sse, `data:\n\ndata\n\ndata: \n\ndata: ${a}\n\n`, ["Hail"]],
    ["data over many lines", sse, `data: {\ndata\n${a.slice(1).replace(/^|,/g, "$&\ndata: ").trim()}\n\n`, ["Hail"]],
    ["blank lines", sse, `\n\n\ndata: ${a}\n\n\n\n`, ["Hail"]],
    ["[DONE]", sse, `data: ${a}\n\ndata: [DONE]\n\n`, ["Hail"]],
    ["[DONE] without a space", sse, `data: ${a}\n\ndata:[DONE]\n\n`, ["Hail"]],
    ["[DONE] that no blank line ends", sse, `data: ${a}\n\ndata: [DONE]`, ["Hail"]],
    ["events named message", sse, `event: message\ndata: ${a}\n\n`, ["Hail"]],
    ["events of another name that are messages", sse, `event: answer\ndata: ${a}\n\n`, ["Hail"]],
    ["foreign events", sse, `event: ping\ndata: {"at":1}\n\nevent: x\ndata: y\n\ndata: ${a}\n\n`, ["Hail"]],
    ["a name that ends with its event", sse, `event: ping\ndata: {}\n\ndata: ${a}\n\n`, ["Hail"]],
    ["a message with an error field", sse, `data: ${a.replace("{", '{"error":null,"detail":"x",')}\n\n`, ["Hail"]],
    ["a last event that no blank line ends", sse, `data: ${a}\n\ndata: ${b}\n`, ["Hail", " is…"]],
    ["a last event that no line end ends", sse, `data: ${a}\n\ndata: ${b}`, ["Hail", " is…"]],
    ["pieces without text", sse, `data: ${json("")}\n\ndata: ${a}\n\n`, ["", "Hail"]],
    ["a content type with parameters", "text/event-stream; charset=utf-8", `data: ${a}\n\n`, ["Hail"]],
    ["a content type in odd case", "Text/Event-STREAM ;charset=UTF-8", `data: ${a}\n\n`, ["Hail"]],
    ["x-ndjson", "application/x-ndjson", `${a}\n${b}\n`, ["Hail", " is…"]],
    ["ndjson", "application/ndjson", `${a}\n${b}\n`, ["Hail", " is…"]],
    ["jsonl", "application/jsonl", `${a}\n${b}\n`, ["Hail", " is…"]],
    ["json-seq", "application/json-seq", `\u001e${a}\n\u001e${b}\n`, ["Hail", " is…"]],
    [
      "NDJSON with CRLF, blank lines, no last line end",
      "application/x-ndjson",
      `${a}\r\n\r\n \n${b}`,
      ["Hail", " is…"]
    ],
    ["NDJSON with a byte order mark", "application/x-ndjson", `\uFEFF${a}\n`, ["Hail"]],
    ["one JSON message", "application/json", a, ["Hail"]],
    ["one JSON message over many lines", "application/json; charset=utf-8", `${a.replace(/,/g, ",\n  ")}\n`, ["Hail"]]
  ]

  it.effect.each(cases)("with %s", ([, contentType, body, texts]) =>
    Effect.gen(function* () {
      expect(yield* read(answering(contentType, [bytes(body)]))).toEqual({ texts, failure: undefined })
    })
  )

  it.effect.each(cases)("with %s, a byte at a time", ([, contentType, body, texts]) =>
    Effect.gen(function* () {
      const each = Array.from(bytes(body), (byte) => Uint8Array.of(byte))
      expect(yield* read(answering(contentType, each))).toEqual({ texts, failure: undefined })
    })
  )

  it.effect("is the same wherever its bytes are cut in three", () =>
    Effect.gen(function* () {
      const overTwoLines = json("é🌩").replace(",", ",\r\ndata: ")
      const whole = bytes(`data: ${overTwoLines}\r\n\r\ndata:[DONE]\r\n`)
      for (let one = 0; one <= whole.length; one++) {
        for (let two = one; two <= whole.length; two++) {
          const cut = [whole.subarray(0, one), whole.subarray(one, two), whole.subarray(two)]
          const outcome = yield* read(answering(sse, cut))
          expect({ one, two, ...outcome }).toEqual({ one, two, texts: ["é🌩"], failure: undefined })
        }
      }
    })
  )
})

describe("what fails an answer, after the pieces before it", () => {
  type Expected = { readonly _tag: string; readonly description: unknown }
  const interrupted = (description: string): Expected => ({
    _tag: "StreamInterrupted",
    description: expect.stringContaining(description)
  })
  const invalid = (description: string): Expected => ({
    _tag: "InvalidResponse",
    description: expect.stringContaining(description)
  })
  const ndjson = "application/x-ndjson"

  const cases: ReadonlyArray<[string, string, string, Expected]> = [
    ["an event named error", sse, "event: error\ndata: out of tokens\n\n", interrupted("out of tokens")],
    [
      "an event named error, over two lines",
      sse,
      "event: error\ndata: out of\ndata: tokens\n\n",
      interrupted("out of\ntokens")
    ],
    ["an event named error, of JSON", sse, 'event: error\ndata: {"code":7}\n\n', interrupted('{"code":7}')],
    ["an event named error, with text", sse, `event: error\ndata: ${a}\n\n`, interrupted("the service reported")],
    ["JSON with error", sse, 'data: {"error":"out of tokens"}\n\n', interrupted("out of tokens")],
    ["JSON with error in an event of any name", sse, 'event: x\ndata: {"error":"no"}\n\n', interrupted("no")],
    ["JSON with detail", sse, 'data: {"detail":"out of tokens"}\n\n', interrupted("out of tokens")],
    ["JSON with detail, in NDJSON", ndjson, '{"detail":"out of tokens"}\n', interrupted("out of tokens")],
    ["no JSON", sse, "data: Hail is covered.\n\n", invalid("no JSON")],
    ["no JSON, in NDJSON", ndjson, "Hail is covered.\n", invalid("no JSON")],
    ["JSON that is no object", sse, "data: 7\n\n", invalid("the body: ")],
    ["no message, after a foreign event", sse, "event: ping\ndata: {}\n\ndata: {}\n\n", invalid("message_id: ")],
    ["a message without its time", sse, `data: ${a.replace("timestamp", "time")}\n\n`, invalid("timestamp: ")],
    ["a message of another name, broken", sse, `event: x\ndata: ${a.replace("vote", "v")}\n\n`, invalid("vote: ")],
    ["an end inside the JSON", sse, `data: ${b.slice(0, -1)}`, interrupted("ended inside")],
    ["an end inside the JSON, after its line", sse, `data: ${b.slice(0, -1)}\n`, interrupted("ended inside")],
    ["an end inside a field's name", sse, "dat", interrupted("ended inside")],
    ["an end inside an event's name", sse, "event: mess", interrupted("ended inside")],
    ["an end inside a line of NDJSON", ndjson, b.slice(0, -1), interrupted("ended inside")]
  ]

  it.effect.each(cases)("%s", ([, contentType, body, expected]) =>
    Effect.gen(function* () {
      const before = contentType === sse ? `data: ${a}\n\n` : `${a}\n`
      const alone = yield* read(answering(contentType, [bytes(body)]))
      expect(alone.texts).toEqual([])
      expect(alone.failure).toMatchObject({ ...expected, requestId: "r-7" })
      for (const chunks of [[before + body], [before, body], Array.from(before + body)]) {
        const { failure, texts } = yield* read(answering(contentType, chunks.map(bytes)))
        expect(texts).toEqual(["Hail"])
        expect(failure).toMatchObject(expected)
        if (failure?._tag === "StreamInterrupted") expect(failure.answer?.text).toBe("Hail")
      }
    })
  )

  it.effect("an end inside a character", () =>
    Effect.gen(function* () {
      const whole = bytes(`data: ${json("é")}`)
      const cut = whole.subarray(0, whole.indexOf(0xc3) + 1)
      expect((yield* read(answering(sse, [cut]))).failure).toMatchObject(interrupted("ended inside"))
    })
  )

  it.effect("and nothing that follows it counts", () =>
    Effect.gen(function* () {
      const { failure, texts } = yield* read(answering(sse, [bytes(`data: ${a}\n\ndata: no\n\ndata: ${b}\n\n`)]))
      expect(texts).toEqual(["Hail"])
      expect(failure).toMatchObject(invalid("no JSON"))
    })
  )

  it.effect.each([
    ["text/html", "<h1>Sign in</h1>", "got content type text/html"],
    ["text/plain; charset=utf-8", "Hail", "got content type text/plain"],
    ["application/problem+json", "{}", "got content type application/problem+json"],
    [undefined, "Hail", "got no content type"]
  ])("the content type %s", ([contentType, body, description]) =>
    Effect.gen(function* () {
      const { failure } = yield* read(answering(contentType, [bytes(body!)]))
      expect(failure).toMatchObject({ ...invalid(description!), body, status: 200, requestId: "r-7" })
    })
  )

  it.effect.each([
    ["nothing", sse, ""],
    ["comments", sse, ": keep-alive\n\n"],
    ["[DONE]", sse, "data: [DONE]\n\n"],
    ["foreign events", sse, "event: ping\ndata: {}\n\n"],
    ["no line", ndjson, "\n"],
    ["no JSON document", "application/json", ""]
  ])("a body of %s", ([, contentType, body]) =>
    Effect.gen(function* () {
      const { failure } = yield* read(answering(contentType, [bytes(body!)]))
      expect(failure).toMatchObject(invalid("without a piece"))
    })
  )

  it.effect("a response that has no body", () =>
    Effect.gen(function* () {
      const service = inProcess(() => new Response(null, { headers: { "content-type": sse } }))
      expect((yield* read(service)).failure).toMatchObject(invalid("empty"))
    })
  )
})

describe("maxEventLength", () => {
  const reading = (body: string, chunkLength: number) =>
    Effect.gen(function* () {
      let handedOut = 0
      const chunks = function* () {
        for (; handedOut < body.length; handedOut += chunkLength)
          yield bytes(body.slice(handedOut, handedOut + chunkLength))
      }
      const service = inProcess(() => new Response(bodyOf(chunks()), { headers: { "content-type": sse } }), {
        maxEventLength: 500
      })
      return { ...(yield* read(service)), handedOut }
    })
  const tooLong = {
    _tag: "InvalidResponse",
    description: "a piece of the answer is longer than 500 characters"
  }
  const manyLines = JSON.stringify({ ...JSON.parse(a), padding: Array(100).fill("xxxxxxxx") }, null, 1)

  for (const chunkLength of [1, 64, 400, 10_000]) {
    it.effect.each([
      ["one line", `data: ${json("x".repeat(2000))}\n\n`],
      ["many lines", `${manyLines.replaceAll(/^/gm, "data: ")}\n\n`]
    ])(`bounds an event of %s that comes ${chunkLength} bytes at a time`, ([, event]) =>
      Effect.gen(function* () {
        const { failure, texts } = yield* reading(`data: ${a}\n\n${event}`, chunkLength)
        expect(texts).toEqual(["Hail"])
        expect(failure).toMatchObject(tooLong)
      })
    )
  }

  it.effect.each([
    ["one line", `data: ${"x".repeat(1_000_000)}`],
    ["many lines", "data: xxxxxxxx\n".repeat(100_000)]
  ])("is not read past: %s", ([, event]) =>
    Effect.gen(function* () {
      const { failure, handedOut } = yield* reading(event!, 100)
      expect(failure).toMatchObject(tooLong)
      expect(handedOut).toBeLessThan(2000)
    })
  )

  it.effect.each([64, 10_000])("bounds one event, not the answer: %i bytes at a time", (chunkLength) =>
    Effect.gen(function* () {
      const { failure, texts } = yield* reading(`data: ${json("x".repeat(300))}\n\n`.repeat(20), chunkLength)
      expect(failure).toBeUndefined()
      expect(texts.length).toBe(20)
    })
  )
})
