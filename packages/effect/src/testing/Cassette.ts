/**
 * Cassettes: exchanges with a real service, recorded to a JSON file once and replayed in every test after.
 *
 * A cassette holds of each exchange the method, path and body of the request, and the status, body and some headers of
 * the response: `content-type`, `date`, `location`, `retry-after` and `x-request-id`. A streamed body is kept in the
 * chunks in which it came. Never in it are tokens that requests bore, whatever looks like a JWT, and what you have
 * redacted; an answer that spells a secret over several of its pieces is beyond that: read a cassette before you commit it.
 *
 * @module
 * @example
 * ```ts
 * import { NodeFileSystem } from "@effect/platform-node"
 * import { ChatOperations, WeavConfig } from "@weavai/effect"
 * import { Cassette } from "@weavai/effect/testing"
 * import { Effect, Layer } from "effect"
 * import { FetchHttpClient } from "effect/http"
 *
 * const Recorded = Cassette.layer("test/cassettes/deductible.json", {
 *   mode: process.env.RECORD === "1" ? "record" : "replay",
 *   redact: [/google-oauth2\|\d+/]
 * }).pipe(Layer.provide([NodeFileSystem.layer, FetchHttpClient.layer]))
 *
 * const test = ChatOperations.getChatHistory({ chatId: "chat123" }).pipe(
 *   Effect.provide([WeavConfig.layerConfig(), Recorded])
 * )
 * ```
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { parseJson } from "../internal/parseJson.ts"
import { type Concealer, makeConcealer } from "../internal/testing/concealer.ts"
import { type Match, matchesOf, type RequestText } from "../internal/testing/matching.ts"
import { brokenConnection, webResponse } from "../internal/testing/webResponse.ts"
import { UnexpectedRequest } from "./UnexpectedRequest.ts"

/** A cassette that cannot be used: which file, and what to do about it. */
export class CassetteError extends Data.TaggedError("CassetteError")<{
  readonly path: string
  readonly description: string
}> {
  override get message(): string {
    return `the cassette ${this.path} ${this.description}`
  }
}

/** How a cassette is used. */
export interface CassetteOptions {
  /**
   * - `replay`, the default: nothing is sent. A request that the cassette does not hold is an `UnexpectedRequest`, which
   *   the program cannot catch as a `ChatError`; it shows the nearest request that was recorded.
   * - `record`: everything is sent, and the file is written anew.
   * - `auto`: what the cassette holds is replayed, everything else is sent and added to it.
   */
  readonly mode?: "replay" | "record" | "auto" | undefined
  /**
   * What to leave out of the file besides tokens: texts, in all their spellings, or patterns. Requests are compared
   * without it, so that a redacted id, say, may be another one in each run.
   */
  readonly redact?: ReadonlyArray<string | RegExp> | undefined
  /**
   * Fields in which a request may differ from the recorded one, by the names that an `UnexpectedRequest` gives them, such
   * as `body.chat_id`. Default `["query.end_datetime"]`, which `chatLogs` takes from the clock.
   */
  readonly ignore?: ReadonlyArray<string> | undefined
}

/** Schema of a cassette file. What is JSON in an exchange is JSON in the file as well, everything else is text. */
export const CassetteFile = Schema.Struct({
  version: Schema.Literal(1),
  exchanges: Schema.Array(
    Schema.Struct({
      request: Schema.Struct({
        method: Schema.String,
        path: Schema.String,
        json: Schema.optionalKey(Schema.Json),
        text: Schema.optionalKey(Schema.String)
      }),
      response: Schema.Struct({
        status: Schema.Int,
        headers: Schema.Record(Schema.String, Schema.String),
        json: Schema.optionalKey(Schema.Json),
        chunks: Schema.optionalKey(Schema.Array(Schema.String)),
        /** The body broke off behind its last chunk. */
        isCut: Schema.optionalKey(Schema.Boolean)
      })
    })
  )
})

/**
 * The client below it with a cassette in between. Each recorded exchange is replayed once, like requests in the order in
 * which they were recorded. A request that got no response is not recorded.
 *
 * While recording, a response is handed on when it is there to its end. The file is written when the layer's scope closes.
 */
export const layer = (
  path: string,
  { ignore = ["query.end_datetime"], mode = "replay", redact = [] }: CassetteOptions = {}
): Layer.Layer<HttpClient.HttpClient, CassetteError, HttpClient.HttpClient | FileSystem> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      if (redact.some(matchesEmptyText)) {
        return yield* new CassetteError({ path, description: "cannot leave out an empty text: give redact another" })
      }
      const fs = yield* FileSystem
      const concealer = makeConcealer(redact)
      const recorded = mode === "record" ? [] : yield* load(fs, path, mode)
      const unplayed = new Set(recorded)
      const added: Array<Exchange | undefined> = []
      const save = Effect.suspend(() => {
        const exchanges = [...recorded, ...added].filter(Predicate.isNotUndefined)
        return mode === "auto" && exchanges.length === recorded.length
          ? Effect.void
          : write(fs, path, exchanges, concealer)
      })
      if (mode !== "replay") {
        yield* makeFolder(fs, path)
        yield* Effect.addFinalizer(() => Effect.orDie(save))
      }

      return HttpClient.transform(yield* HttpClient.HttpClient, (send, request) =>
        Effect.gen(function* () {
          const sent = yield* readRequest(request)
          concealer.addToken(request.headers["authorization"])
          const asked = { ...sent, path: concealer.text(sent.path), body: concealer.text(sent.body) }
          const found = matchesOf(asked, unplayed).find(({ differences }) =>
            differences.every(({ field }) => ignore.includes(field))
          )
          if (found !== undefined) {
            unplayed.delete(found.recorded)
            return yield* respond(request, found.recorded.response)
          }
          if (mode === "replay") {
            const description = describe(path, asked, matchesOf(asked, recorded)[0], ignore)
            return yield* Effect.die(new UnexpectedRequest({ description }))
          }
          // Its place is that of its request: responses may come in another order each time.
          const place = added.push(undefined) - 1
          const response = yield* receive(yield* send)
          added[place] = { request: sent, response }
          return yield* respond(request, response)
        })
      )
    })
  )

interface Exchange {
  readonly request: RequestText
  readonly response: {
    readonly status: number
    readonly headers: { readonly [name: string]: string }
    readonly chunks: ReadonlyArray<string>
    readonly isCut: boolean
  }
}

const matchesEmptyText = (secret: string | RegExp): boolean =>
  typeof secret === "string" ? secret === "" : new RegExp(secret).test("")

const readRequest = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
  const web = yield* Effect.orDie(HttpClientRequest.toWeb(request))
  const { pathname, search } = new URL(web.url)
  return { method: web.method, path: pathname + search, body: yield* Effect.promise(() => web.text()) }
})

const keptHeaders = ["content-type", "date", "location", "retry-after", "x-request-id"]

/** Reads a response to its end. A character that two chunks share goes to the second. */
const receive = Effect.fnUntraced(function* ({ headers, status, stream }: HttpClientResponse.HttpClientResponse) {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })
  const chunks: Array<string> = []
  const isCut = yield* stream.pipe(
    Stream.runForEach((bytes) => Effect.sync(() => chunks.push(utf8.decode(bytes, { stream: true })))),
    Effect.match({ onSuccess: () => false, onFailure: ({ reason }) => reason._tag !== "EmptyBodyError" })
  )
  chunks.push(utf8.decode())
  const kept = keptHeaders.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]]))
  return { status, headers: Object.fromEntries(kept), chunks: chunks.filter((chunk) => chunk !== ""), isCut }
})

const respond = (
  request: HttpClientRequest.HttpClientRequest,
  { chunks, isCut, ...head }: Exchange["response"]
): Effect.Effect<HttpClientResponse.HttpClientResponse> => {
  const end = isCut ? Stream.fail(brokenConnection("terminated", "ECONNRESET")) : Stream.empty
  return Effect.map(webResponse(Stream.concat(Stream.fromIterable(chunks), end), head), (response) =>
    HttpClientResponse.fromWeb(request, response)
  )
}

const describe = (
  path: string,
  { body, method, path: target }: RequestText,
  nearest: Match<Exchange> | undefined,
  ignore: ReadonlyArray<string>
): string => {
  const request = `${method} ${target} ${body}`.trim()
  if (nearest === undefined) return `the cassette ${path} is empty, and was asked for ${request}`
  const differences = nearest.differences.filter(({ field }) => !ignore.includes(field))
  if (differences.length === 0) return `the cassette ${path} has replayed all that it holds of ${request}`
  const list = differences
    .map(({ asked, field, recorded }) => `${field} was ${recorded} and is now ${asked}`)
    .join(", ")
  return `the cassette ${path} does not hold ${request}: of the nearest request in it, ${list}`
}

const load = Effect.fnUntraced(function* (fs: FileSystem, path: string, mode: "replay" | "auto") {
  const exists = yield* Effect.mapError(fs.exists(path), failure(path, "cannot be read"))
  if (!exists && mode === "auto") return []
  if (!exists) return yield* new CassetteError({ path, description: 'does not exist: record it with mode "record"' })
  const text = yield* Effect.mapError(fs.readFileString(path), failure(path, "cannot be read"))
  const { exchanges } = yield* Effect.mapError(decodeFile(text), failure(path, "is not in the format of cassettes"))
  return exchanges.map(fromFile)
})

const makeFolder = (fs: FileSystem, path: string): Effect.Effect<void, CassetteError> => {
  const folder = path.replace(/[^/\\]*$/, "")
  if (folder === "") return Effect.void
  return Effect.mapError(fs.makeDirectory(folder, { recursive: true }), failure(path, "cannot be written"))
}

const write = (fs: FileSystem, path: string, exchanges: ReadonlyArray<Exchange>, concealer: Concealer) => {
  const file = encodeFile({ version: 1, exchanges: exchanges.map((exchange) => toFile(exchange, concealer)) })
  return Effect.mapError(
    fs.writeFileString(path, `${JSON.stringify(file, null, 2)}\n`),
    failure(path, "cannot be written")
  )
}

const failure =
  (path: string, what: string) =>
  ({ message }: Error): CassetteError =>
    new CassetteError({ path, description: `${what}: ${message}` })

const decodeFile = Schema.decodeUnknownEffect(Schema.fromJsonString(CassetteFile))
const encodeFile = Schema.encodeSync(CassetteFile)

type FileExchange = (typeof CassetteFile.Type)["exchanges"][number]

const toFile = ({ request, response }: Exchange, concealer: Concealer): FileExchange => {
  const body = concealer.text(request.body)
  const chunks = concealer.chunks(response.chunks)
  const isJson = !response.isCut && /^application\/json\b/i.test(response.headers["content-type"] ?? "")
  return {
    request: {
      method: request.method,
      path: concealer.text(request.path),
      ...(body !== "" && (jsonIn(body) ?? { text: body }))
    },
    response: {
      status: response.status,
      headers: Record.map(response.headers, concealer.text),
      ...((isJson && jsonIn(chunks.join(""))) || { chunks }),
      ...(response.isCut && { isCut: true })
    }
  }
}

const fromFile = ({ request, response }: FileExchange): Exchange => ({
  request: {
    method: request.method,
    path: request.path,
    body: request.json === undefined ? (request.text ?? "") : JSON.stringify(request.json)
  },
  response: {
    status: response.status,
    headers: response.headers,
    chunks: response.json === undefined ? (response.chunks ?? []) : [JSON.stringify(response.json)],
    isCut: response.isCut ?? false
  }
})

const jsonIn = (text: string): { readonly json: Schema.Json } | undefined => {
  const json = parseJson(text)
  return json === undefined ? undefined : { json: json as Schema.Json }
}
