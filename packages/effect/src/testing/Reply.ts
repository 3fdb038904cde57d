/**
 * What the service of a test replies, in the SDK's terms. What is left out of a model is filled in.
 *
 * @module
 * @example
 * ```ts
 * import { Reply } from "@weavai/effect/testing"
 *
 * const replies = [
 *   Reply.chat("The deductible is $5,000."),
 *   Reply.chat({ text: "See page 3. [1]", searchResults: [{ fileName: "policy.pdf", pageNumber: 3 }] }),
 *   Reply.stream(["The deductible ", "is $5,000."], { pause: "100 millis" }),
 *   Reply.stream(["The deduct"], { ending: "cut" }),
 *   Reply.status(429, { retryAfter: "2 seconds", detail: "slow down" }),
 *   Reply.delay(Reply.chat("At last."), "1 minute"),
 *   Reply.broken("ECONNREFUSED"),
 *   Reply.silence
 * ]
 * ```
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type ChatHistoryMessage, ChatHistoryResponse } from "../ChatHistory.ts"
import { ChatLogsResponse, type Message } from "../ChatLogs.ts"
import { ChatResponse } from "../ChatResponse.ts"
import { brokenConnection, webResponse } from "../internal/testing/webResponse.ts"
import { type DateInput, isAbsent, toEpochMillis } from "../Requests.ts"
import type { SearchResult } from "../SearchResult.ts"
import type { SentRequest } from "./SentRequest.ts"
import { UnexpectedRequest } from "./UnexpectedRequest.ts"

/**
 * The reply to a request, of which `index` others came before: a web `Response`, or the `TypeError` that `fetch` rejects
 * with. Where the constructors of this module do not do, write one: `() => Effect.succeed(new Response("<html>"))`.
 */
export type Reply = (request: SentRequest, index: number) => Effect.Effect<Response, TypeError>

/** An answer, or one piece of it: its text, or what matters of it. */
export type Answer =
  | string
  | (Partial<Omit<ChatResponse, "searchResults">> & {
      /** The passages; ranks are by their order, and the document is the one asked about. */
      readonly searchResults?: ReadonlyArray<Partial<SearchResult>>
    })

/** Answers a message. One that is to be streamed is answered in a single piece. */
export const chat =
  (answer: Answer): Reply =>
  (sent, index) =>
    sent.operation === "chat" || sent.operation === "streamChat"
      ? Effect.map(wireAnswer(answer, sent, index), (wire) => Response.json(wire))
      : mismatch("chat", sent)

/** How a streamed answer comes. */
export interface StreamOptions {
  /** How long to wait before each piece, by the fiber's clock. Default 0. */
  readonly pause?: Duration.Input | undefined
  /**
   * What follows the last piece: the connection is cut, nothing more comes, or the service reports an error. Default:
   * the answer ends as it should.
   */
  readonly ending?: "cut" | "silence" | { readonly error: string } | undefined
}

/** Answers a message piece by piece, each an event and a chunk of its own. */
export const stream =
  (pieces: ReadonlyArray<Answer>, { ending, pause = 0 }: StreamOptions = {}): Reply =>
  (sent, index) => {
    if (sent.operation !== "streamChat") return mismatch("stream", sent)
    const events = Stream.mapEffect(Stream.fromIterable(pieces), (piece) =>
      Effect.delay(Effect.map(wireAnswer(piece, sent, index), event), pause)
    )
    return webResponse(Stream.concat(events, rest(ending)), { headers: { "content-type": "text/event-stream" } })
  }

/** Shows a chat's messages: texts, of the user and the assistant in turn, or what matters of each. */
export const history =
  (messages: ReadonlyArray<string | Partial<ChatHistoryMessage>>): Reply =>
  (sent) =>
    sent.operation !== "getChatHistory"
      ? mismatch("history", sent)
      : now((timestamp) =>
          json(
            timestamp,
            encodeHistory({
              messages: messages.map((message, i) => ({
                messageId: `message-${i + 1}`,
                chatId: sent.request.chatId,
                text: "",
                timestamp,
                type: i % 2 === 0 ? "user" : "assistant",
                vote: "no vote",
                searchResults: [],
                generateButton: null,
                tags: [],
                ...fieldsOf(message)
              }))
            })
          )
        )

/**
 * Shows the page that is asked for of these log rows, as the service does: those of the range that have a `timestamp`
 * of their own in it, or none. For a walk, which asks for page after page, give the script a handler.
 */
export const logs =
  (rows: ReadonlyArray<Partial<Message>>): Reply =>
  (sent) => {
    if (sent.operation !== "getChatLogs") return mismatch("logs", sent)
    const { endDatetime, limit = 25, skip = 0, startDatetime } = sent.request
    const range = [millisOr(startDatetime, -Infinity), millisOr(endDatetime, Infinity)] as const
    return now((timestamp) => {
      const all = rows
        .map((row, i) => ({ ...defaultRow, id: `row-${i + 1}`, ...row }))
        .filter((row) => row.timestamp === undefined || isWithin(row.timestamp.getTime(), range))
      return json(
        timestamp,
        encodeLogs({
          messages: all.slice(skip, skip + limit).map((row) => ({ timestamp, ...row })),
          totalRecords: all.length,
          currentSkip: skip
        })
      )
    })
  }

/** What a response with a status alone can say. */
export interface StatusOptions {
  /** What went wrong, in the body's `detail`. */
  readonly detail?: string | undefined
  /** The `Retry-After` header, in whole seconds, rounded up. */
  readonly retryAfter?: Duration.Input | undefined
  /** Other headers. */
  readonly headers?: { readonly [name: string]: string } | undefined
}

/** Answers any request with a status from 200 to 599, such as 401, 404, 429 or 503. */
export const status =
  (status: number, { detail, headers, retryAfter }: StatusOptions = {}): Reply =>
  () =>
    webResponse(Stream.make(JSON.stringify({ detail })), {
      status,
      headers: {
        "content-type": "application/json",
        ...(retryAfter !== undefined && { "retry-after": `${Math.ceil(Duration.toSeconds(retryAfter))}` }),
        ...headers
      }
    })

/**
 * Breaks the connection before a response began, with a code of the system's. After `ECONNREFUSED` it is certain that
 * the service did not take a message, after `ECONNRESET`, the default, it is not.
 */
export const broken =
  (code = "ECONNRESET"): Reply =>
  () =>
    Effect.fail(brokenConnection("fetch failed", code))

/** Never answers. */
export const silence: Reply = () => Effect.never

/** A reply that comes after a while, by the fiber's clock: in a test, `TestClock.adjust` lets it pass. */
export const delay =
  (reply: Reply, duration: Duration.Input): Reply =>
  (sent, index) =>
    Effect.delay(reply(sent, index), duration)

const mismatch = (reply: string, { method, operation, path }: SentRequest) =>
  Effect.die(
    new UnexpectedRequest({ description: `Reply.${reply} is no reply to ${operation}, which sent ${method} ${path}` })
  )

const now = <A>(make: (timestamp: Date) => A): Effect.Effect<A> =>
  Effect.map(Clock.currentTimeMillis, (millis) => make(new Date(millis)))

/** A response that tells the service's time: `onUncertain` and walks through the logs go by that. */
const json = (timestamp: Date, body: unknown): Response =>
  Response.json(body, { headers: { date: timestamp.toUTCString() } })

const wireAnswer = (
  answer: Answer,
  { request: { chatId, fileId } }: Extract<SentRequest, { operation: "chat" | "streamChat" }>,
  index: number
) =>
  now((timestamp) => {
    const { searchResults = [], ...fields } = fieldsOf(answer)
    return encodeAnswer({
      messageId: `message-${index + 1}`,
      chatId,
      text: "",
      timestamp,
      type: "assistant",
      vote: "no vote",
      generateButton: null,
      tags: [],
      ...fields,
      searchResults: searchResults.map((result, i) => ({
        text: "",
        fileId,
        pageNumber: 1,
        score: 1 / (i + 1),
        rank: i + 1,
        fileName: "document.pdf",
        classification: null,
        sectionHeaders: [],
        tags: [],
        ...result
      }))
    })
  })

/** A text stands for a model of which only the text matters. */
const fieldsOf = <A extends { readonly text?: string }>(value: string | A): A =>
  typeof value === "string" ? ({ text: value } as A) : value

const defaultRow: Omit<Message, "id" | "timestamp"> & { readonly timestamp?: Date } = {
  type: "user",
  valid: null,
  vote: "no vote",
  chatId: "chat",
  userId: "user",
  tags: [],
  text: ""
}

const encodeAnswer = Schema.encodeSync(ChatResponse)
const encodeHistory = Schema.encodeSync(ChatHistoryResponse)
const encodeLogs = Schema.encodeSync(ChatLogsResponse)

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`

const rest = (ending: StreamOptions["ending"]): Stream.Stream<string, TypeError> => {
  if (ending === undefined) return Stream.empty
  if (ending === "silence") return Stream.never
  return ending === "cut"
    ? Stream.fail(brokenConnection("terminated", "ECONNRESET"))
    : Stream.make(`event: error\n${event(ending)}`)
}

const millisOr = (moment: DateInput | null | undefined, otherwise: number): number =>
  isAbsent(moment) ? otherwise : toEpochMillis(moment)

const isWithin = (millis: number, [start, end]: readonly [number, number]): boolean => millis >= start && millis <= end
