import { describe, expect, it } from "@effect/vitest"
import {
  ChatHistoryMessage,
  ChatHistoryResponse,
  ChatLogsResponse,
  ChatResponse,
  Message,
  SearchResult
} from "@weavai/effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as wire from "../support/wireExamples.ts"

const decode = <A, I>(schema: Schema.Codec<A, I>, input: unknown) => Schema.decodeUnknownEffect(schema)(input)

const without = (field: string, from: object) =>
  Object.fromEntries(Object.entries(from).filter(([name]) => name !== field))

describe("a whole body", () => {
  it.effect("of a reply", () =>
    Effect.map(decode(ChatResponse, wire.chatResponse), (reply) =>
      expect(reply).toEqual({
        messageId: "d79c34f5-f4f3-4170-8baa-8baf2efea2a4",
        chatId: wire.chatId,
        text: "The **deductible** is $5,000.<br> [1]",
        timestamp: new Date("2024-09-25T19:12:20.178Z"),
        type: "assistant",
        vote: "no vote",
        searchResults: [
          {
            text: "The deductible is $5,000.",
            fileId: wire.fileId,
            pageNumber: 3,
            score: 0.87,
            rank: 1,
            fileName: "policy.pdf",
            classification: { pageClass: "declarations", pageSections: ["limits"], pageNo: 3 },
            sectionHeaders: ["Deductibles"],
            tags: ["2024"]
          }
        ],
        generateButton: "Generate a summary",
        tags: ["answer"]
      })
    )
  )

  it.effect("of a history", () =>
    Effect.map(decode(ChatHistoryResponse, wire.chatHistory), (history) =>
      expect(history).toEqual({
        messages: [
          {
            messageId: "0c1d",
            chatId: wire.chatId,
            text: "",
            timestamp: new Date("2024-09-25T19:12:20Z"),
            type: "user",
            vote: "no vote",
            searchResults: [{ anything: true }],
            generateButton: false,
            tags: ["a", 1]
          }
        ]
      })
    )
  )

  it.effect("of a page of log rows", () =>
    Effect.map(decode(ChatLogsResponse, wire.chatLogs), (page) =>
      expect(page).toEqual({
        messages: [
          {
            id: "66f4",
            timestamp: new Date("2024-09-24T01:05:29.775Z"),
            type: "assistant",
            valid: true,
            vote: "up",
            chatId: wire.chatId,
            userId: "117349365869611297391",
            tags: ["claims"],
            text: "Hail is covered."
          }
        ],
        totalRecords: 1,
        currentSkip: 0
      })
    )
  )
})

describe("what may be missing or null", () => {
  const cases: ReadonlyArray<[string, Schema.Codec<any, any>, object, string, string, unknown]> = [
    ["ChatLogsResponse", ChatLogsResponse, wire.chatLogs, "messages", "messages", []],
    ["Message", Message, wire.logRow, "valid", "valid", null],
    ["Message", Message, wire.logRow, "tags", "tags", []],
    ["ChatHistoryMessage", ChatHistoryMessage, wire.historyMessage, "search_results", "searchResults", []],
    ["ChatHistoryMessage", ChatHistoryMessage, wire.historyMessage, "generate_button", "generateButton", null],
    ["ChatHistoryMessage", ChatHistoryMessage, wire.historyMessage, "tags", "tags", []],
    ["ChatResponse", ChatResponse, wire.chatResponse, "search_results", "searchResults", []],
    ["ChatResponse", ChatResponse, wire.chatResponse, "generate_button", "generateButton", null],
    ["ChatResponse", ChatResponse, wire.chatResponse, "tags", "tags", []],
    ["SearchResult", SearchResult, wire.searchResult, "classification", "classification", null],
    ["SearchResult", SearchResult, wire.searchResult, "section_headers", "sectionHeaders", []],
    ["SearchResult", SearchResult, wire.searchResult, "tags", "tags", []]
  ]
  it.effect.each(cases)("%s: %s %s", ([, schema, example, field, property, value]) =>
    Effect.gen(function* () {
      const missing = yield* decode(schema, without(field, example))
      const isNull = yield* decode(schema, { ...example, [field]: null })
      expect(missing).toHaveProperty(property, value)
      expect(isNull).toEqual(missing)
    })
  )

  it.effect("a page's classification", () =>
    Effect.gen(function* () {
      const empty = { pageClass: null, pageSections: [], pageNo: null }
      const nulls = { page_class: null, page_sections: null, page_no: null }
      for (const classification of [{}, nulls]) {
        const result = yield* decode(SearchResult, { ...wire.searchResult, classification })
        expect(result.classification).toEqual(empty)
      }
    })
  )

  it.effect("a history's messages may be null, but a body without them is no history", () =>
    Effect.gen(function* () {
      expect(yield* decode(ChatHistoryResponse, { messages: null })).toEqual({ messages: [] })
      expect((yield* Effect.flip(decode(ChatHistoryResponse, { detail: "oops" }))).message).toContain("messages")
    })
  )
})

describe("leniency", () => {
  it.effect("unknown fields pass, at every level", () =>
    Effect.gen(function* () {
      const result = {
        ...wire.searchResult,
        classification: { ...wire.searchResult.classification, new_field: 1 },
        new_field: [1]
      }
      const reply = { ...wire.chatResponse, search_results: [result], new_field: { a: 1 } }
      const page = { ...wire.chatLogs, messages: [{ ...wire.logRow, new_field: 1 }], next: "/" }
      const history = { messages: [{ ...wire.historyMessage, new_field: 1 }], new_field: 1 }
      expect(yield* decode(ChatResponse, reply)).toEqual(yield* decode(ChatResponse, wire.chatResponse))
      expect(yield* decode(ChatLogsResponse, page)).toEqual(yield* decode(ChatLogsResponse, wire.chatLogs))
      expect(yield* decode(ChatHistoryResponse, history)).toEqual(yield* decode(ChatHistoryResponse, wire.chatHistory))
    })
  )

  it.effect("a search result's page may be called page_nr", () =>
    Effect.gen(function* () {
      const result = without("page_number", wire.searchResult)
      expect((yield* decode(SearchResult, { ...result, page_nr: 12 })).pageNumber).toBe(12)
      expect((yield* decode(SearchResult, { ...result, page_nr: 12, page_number: 3 })).pageNumber).toBe(3)
      expect((yield* decode(SearchResult, { ...result, page_nr: 12, page_number: null })).pageNumber).toBe(12)
      expect((yield* Effect.flip(decode(SearchResult, result))).message).toContain("page_number")
    })
  )
})

describe("datetimes", () => {
  const at = (timestamp: unknown) => decode(ChatHistoryMessage, { ...wire.historyMessage, timestamp })

  it.effect.each([
    ["2024-09-25T19:12:20Z", "2024-09-25T19:12:20.000Z"],
    ["2024-09-25T19:12:20.178930+00:00", "2024-09-25T19:12:20.178Z"],
    ["2024-09-25 19:12:20.178930+00:00", "2024-09-25T19:12:20.178Z"],
    ["2024-09-24T01:05:29.775000", "2024-09-24T01:05:29.775Z"],
    ["2024-09-24 01:05:29", "2024-09-24T01:05:29.000Z"],
    ["2024-09-25T19:12:20.9", "2024-09-25T19:12:20.900Z"],
    ["2024-09-25T19:12:20.999999Z", "2024-09-25T19:12:20.999Z"],
    ["2024-09-25T19:12:20.000001Z", "2024-09-25T19:12:20.000Z"],
    ["2024-09-25T19:12:20+05:30", "2024-09-25T13:42:20.000Z"],
    ["2024-09-25T19:12:20-0800", "2024-09-26T03:12:20.000Z"],
    ["2024-09-25T19:12:20+02", "2024-09-25T17:12:20.000Z"],
    ["2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000Z"],
    ["1969-12-31T23:59:59.500Z", "1969-12-31T23:59:59.500Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
    ["2024-09-25", "2024-09-25T00:00:00.000Z"]
  ])("%s", ([text, utc]) => Effect.map(at(text), ({ timestamp }) => expect(timestamp.toISOString()).toBe(utc)))

  it.effect.each<unknown>([
    "2023-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2023-04-31T00:00:00Z",
    "2023-13-01T00:00:00Z",
    "2023-00-10T00:00:00Z",
    "2023-01-00T00:00:00Z",
    "2023-01-01T24:00:00Z",
    "2023-01-01T10:60:00Z",
    "2023-01-01T10:00:61Z",
    "2023-01-01T10:00:00.Z",
    "2023-01-01T10:00:00+24:00",
    "2023-01-01T10:00:00+01:60",
    "2023-01-01T10:00:00Zulu",
    "2023-01-01T10",
    "2023-1-1",
    "01/02/2023",
    "Wed, 25 Sep 2024 19:12:20 GMT",
    " 2024-09-25T19:12:20Z",
    "yesterday",
    "",
    1727291540,
    null
  ])("%s is refused", (text) =>
    Effect.map(Effect.flip(at(text)), (error) => expect(error.message).toContain("timestamp"))
  )
})

describe("what was decoded can be written as the service writes it, and read again", () => {
  const schemas: ReadonlyArray<[string, Schema.Codec<any, any>]> = [
    ["ChatResponse", ChatResponse],
    ["ChatHistoryResponse", ChatHistoryResponse],
    ["ChatHistoryMessage", ChatHistoryMessage],
    ["ChatLogsResponse", ChatLogsResponse],
    ["Message", Message],
    ["SearchResult", SearchResult]
  ]
  for (const [name, schema] of schemas) {
    it.effect.prop(name, [Arbitrary.filter(Arbitrary.schema(schema), isWithinFourDigitYears)], ([value]) =>
      Effect.gen(function* () {
        const encoded = yield* Schema.encodeEffect(schema)(value)
        expect(yield* decode(schema, encoded)).toEqual(value)
      })
    )
  }

  it.effect("in the service's spelling", () =>
    Effect.gen(function* () {
      const encoded = yield* Effect.flatMap(decode(ChatResponse, wire.chatResponse), Schema.encodeEffect(ChatResponse))
      expect(encoded).toEqual({ ...wire.chatResponse, timestamp: "2024-09-25T19:12:20.178Z" })
    })
  )

  it.effect("a datetime that has no such spelling is a schema error, not a defect", () =>
    Effect.gen(function* () {
      const message = yield* decode(ChatHistoryMessage, wire.historyMessage)
      for (const timestamp of [new Date(NaN), new Date(Date.UTC(10_000, 0))]) {
        const error = yield* Effect.flip(Schema.encodeEffect(ChatHistoryMessage)({ ...message, timestamp }))
        expect(Schema.isSchemaError(error)).toBe(true)
      }
    })
  )

  /** ISO 8601 has more digits for other years, and the service does not write those. */
  function isWithinFourDigitYears(value: unknown): boolean {
    return !/"[+-]\d{6}-/.test(JSON.stringify(value))
  }
})
