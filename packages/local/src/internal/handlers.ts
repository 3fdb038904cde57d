/**
 * What each operation of the contract does.
 */
import * as ByteSize from "effect/ByteSize"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Chats } from "../Chats.ts"
import { Documents } from "../Documents.ts"
import { Caller, ChatRequest, ContentTooLarge, LocalApi, NotFound, ValidationError } from "../LocalApi.ts"
import { answerEvents } from "./answerEvents.ts"
import { problem, problems, type Rule, rule } from "./validation.ts"

/** The operations on chats and documents; a streamed answer waits `pieceDelay` between two pieces. */
export const chat = (pieceDelay: Duration.Duration) =>
  HttpApiBuilder.group(
    LocalApi,
    "chat",
    Effect.fnUntraced(function* (handlers) {
      const chats = yield* Chats
      const documents = yield* Documents
      return handlers
        .handle("chatLogs", ({ query }) =>
          chats
            .logs({
              skip: query.skip,
              limit: query.limit,
              startDatetime: query.start_datetime,
              endDatetime: query.end_datetime,
              isSopChat: query.is_sop_chat
            })
            .pipe(Effect.orDie)
        )
        .handle("chatHistory", ({ query }) =>
          chats.history(query.chat_id).pipe(
            Effect.catchTag("ChatNotFound", ({ message }) => new NotFound({ detail: message })),
            Effect.catchTag("DatabaseError", Effect.die)
          )
        )
        .handleRaw(
          "chat",
          Effect.fnUntraced(function* ({ request }) {
            const body = yield* readBody(request)
            const { userId } = yield* Caller
            const answer = yield* chats
              .ask({
                userInput: body.user_input,
                chatId: body.chat_id,
                fileId: body.file_id,
                userId,
                isSopChat: body.is_sop_chat === true
              })
              .pipe(
                Effect.catchTag("DocumentNotFound", ({ message }) => new NotFound({ detail: message })),
                Effect.catchTag("DatabaseError", Effect.die)
              )
            if (body.stream !== true) return answer
            return HttpServerResponse.stream(Stream.encodeText(answerEvents(answer, pieceDelay)), {
              contentType: "text/event-stream",
              headers: { "cache-control": "no-cache" }
            })
          })
        )
        .handle("documents", () =>
          documents.list.pipe(
            Effect.map((list) =>
              list.map(({ fileId, fileName, pageCount }) => ({
                file_id: fileId,
                file_name: fileName,
                page_count: pageCount
              }))
            ),
            Effect.orDie
          )
        )
    })
  )

/** The operations that need no token. */
export const service = HttpApiBuilder.group(LocalApi, "service", (handlers) =>
  handlers.handle("health", () => Effect.succeed({ status: "ok" as const }))
)

/** The longest body of a request. */
export const maxBody = ByteSize.mebibytes(1)

// Text that is no UTF-8 is an error, not replaced: what would be answered and stored is not what was sent.
const utf8 = new TextDecoder("utf-8", { fatal: true })

const decodeBody = Schema.decodeUnknownEffect(ChatRequest, { errors: "all" })

/** The body, whatever content type it claims: the clients in use do not all name one. */
const readBody = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  // A body that says that it is too long need not be awaited.
  if (Number(request.headers["content-length"]) > Number(maxBody)) return yield* tooLong
  const bytes = yield* request.arrayBuffer.pipe(
    Effect.provideService(HttpServerRequest.MaxBodySize, maxBody),
    Effect.catchReason("HttpServerError", "RequestParseError", ({ reason }) =>
      Effect.fail(reason === "BodyTooLarge" ? tooLong : broken(rule.json))
    ),
    Effect.catchTag("HttpServerError", Effect.die)
  )
  if (bytes.byteLength === 0) return yield* broken(rule.missing)
  const json = yield* Effect.try({
    try: (): unknown => JSON.parse(utf8.decode(bytes)),
    catch: () => broken(rule.json)
  })
  return yield* Effect.mapError(
    decodeBody(json),
    ({ issue }) => new ValidationError({ detail: problems("body", issue) })
  )
})

const tooLong = new ContentTooLarge({ detail: "The body is longer than 1 MiB" })

const broken = (rule: Rule): ValidationError => new ValidationError({ detail: [problem(["body"], rule)] })
