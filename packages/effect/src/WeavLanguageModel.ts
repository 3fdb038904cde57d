/**
 * Weav's chat as a language model of `effect/ai`: programs that are written against `LanguageModel` or `Chat` ask
 * documents with it, for text or streamed text.
 *
 * - The service keeps each conversation. Of a prompt, what comes after the last answer is sent; the answer itself tells
 *   which chat goes on. A prompt without an answer opens a new chat, unless {@link Options} name one. Unlike other
 *   models, this one does not forget: what was said in a chat stays said, though a program drops it from its prompt.
 * - The passages that an answer rests on are its `source` parts; {@link searchResults} reads them.
 * - The finish reason is `stop`, the usage unknown: the service tells neither.
 * - What Weav cannot do fails before anything is sent: tools and structured output with an `InvalidRequestError`; system
 *   messages, files, results of tools and answers of other models with an `InvalidUserInputError`.
 *
 * A call fails with an `AiError` whose `reason` says why and has the `ChatError` as its `cause`. `isRetryable` holds
 * where asking again may help without saying the message twice. Where it may have arrived in a chat that goes on, as
 * after a cut connection, the reason is an `UnknownError`, which is not retryable.
 *
 * @module
 * @example
 * ```ts
 * import { WeavConfig } from "@weavai/effect"
 * import * as WeavLanguageModel from "@weavai/effect/WeavLanguageModel"
 * import { Console, Effect, Layer } from "effect"
 * import { Chat } from "effect/ai"
 * import { FetchHttpClient } from "effect/http"
 *
 * const program = Effect.gen(function*() {
 *   const chat = yield* Chat.empty
 *   const { text } = yield* chat.generateText({ prompt: "What is the deductible?" })
 *   yield* Console.log(text)
 *   const { content } = yield* chat.generateText({ prompt: "And for hail?" })
 *   for (const { fileName, pageNumber } of WeavLanguageModel.searchResults(content)) {
 *     yield* Console.log(`${fileName}, page ${pageNumber}`)
 *   }
 * })
 *
 * const Weav = WeavLanguageModel.layer({ fileId: "file456" }).pipe(
 *   Layer.provide([WeavConfig.layerConfig(), FetchHttpClient.layer])
 * )
 * const runnable = program.pipe(Effect.provide(Weav))
 * ```
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ParentSpan } from "effect/Tracer"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import type * as Response from "effect/ai/Response"
import { addGenAIAnnotations } from "effect/ai/Telemetry"
import { HttpClient } from "effect/http/HttpClient"
import type { ChatError } from "./ChatError.ts"
import * as ChatOperations from "./ChatOperations.ts"
import type { ChatResponse } from "./ChatResponse.ts"
import { aiErrorReason } from "./internal/aiErrorReason.ts"
import { makeAnswer } from "./internal/answer.ts"
import { metadataKey, promptMessage } from "./internal/promptMessage.ts"
import { SearchResult, toWire } from "./SearchResult.ts"
import { WeavConfig } from "./WeavConfig.ts"

/** What {@link layer} is made from: what to ask about, and settings for each message. */
export interface Options extends ChatOperations.ChatOptions, ChatOperations.StreamChatOptions {
  /** The document to ask about, e.g. `66e0fba3089fbd21c4dd80c3`. */
  readonly fileId: string
  /** The chat that all messages belong to. Default: a new one for each conversation, with a random UUID. */
  readonly chatId?: string | undefined
}

/** The language model, with the configuration and the HTTP client that are there when it is made. */
export const make = (options: Options): Effect.Effect<LanguageModel.LanguageModel, never, WeavConfig | HttpClient> =>
  Effect.contextWith((context: Context.Context<WeavConfig | HttpClient>) => {
    // All else is the caller's: its tracer, its clock, on whose behalf it asks.
    const services = Context.pick(WeavConfig, HttpClient)(context)
    const url = `${Context.get(services, WeavConfig).baseUrl}/chat`

    const prepare = Effect.fnUntraced(function* (asked: LanguageModel.ProviderOptions) {
      const { isNewChat, request } = yield* promptMessage(asked, options)
      addGenAIAnnotations(asked.span, { provider: { name: "weav.ai" }, operation: { name: "chat" } })
      asked.span.attribute("gen_ai.conversation.id", request.chatId)
      return { request, reasonOf: (error: ChatError) => aiErrorReason(error, isNewChat, url) }
    })

    return LanguageModel.make({
      generateText: (asked) =>
        Effect.flatMap(prepare(asked), ({ reasonOf, request }) =>
          Effect.mapBoth(ChatOperations.chat(request, options), {
            onFailure: reasonOf,
            onSuccess: (reply) => partsOf(reply, request.chatId)
          })
        ).pipe(
          Effect.mapError(failureOf(asked.responseFormat.type === "text" ? "generateText" : "generateObject")),
          Effect.provideContext(services)
        ),
      streamText: (asked) =>
        Effect.map(prepare(asked), ({ reasonOf, request }) =>
          ChatOperations.streamChat(request, options).pipe(Stream.mapError(reasonOf), streamParts(request.chatId))
        ).pipe(
          Stream.unwrap,
          Stream.mapError(failureOf("streamText")),
          // `LanguageModel` makes it the parent of a whole answer, but not of a streamed one.
          Stream.provideContext(Context.add(services, ParentSpan, asked.span))
        )
    })
  })

/** The language model as a layer. */
export const layer = (options: Options): Layer.Layer<LanguageModel.LanguageModel, never, WeavConfig | HttpClient> =>
  Layer.effect(LanguageModel.LanguageModel, make(options))

/**
 * The language model as an `effect/ai` `Model`, which names its provider, `weav`, and goes into an `ExecutionPlan`.
 *
 * @example
 * ```ts
 * import * as WeavLanguageModel from "@weavai/effect/WeavLanguageModel"
 * import { Effect } from "effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const answer = LanguageModel.generateText({ prompt: "What is the deductible?" }).pipe(
 *   Effect.map(({ text }) => text),
 *   Effect.provide(WeavLanguageModel.model({ fileId: "file456" }))
 * )
 * ```
 */
export const model = (options: Options): Model.Model<"weav", LanguageModel.LanguageModel, WeavConfig | HttpClient> =>
  Model.make("weav", "chat", layer(options))

/**
 * The passages that an answer rests on: those among the parts of a response, or of a stream, that are Weav's sources.
 *
 * @example
 * ```ts
 * import * as WeavLanguageModel from "@weavai/effect/WeavLanguageModel"
 * import { Effect } from "effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const pages = LanguageModel.generateText({ prompt: "What is the deductible?" }).pipe(
 *   Effect.map(({ content }) => WeavLanguageModel.searchResults(content).map(({ pageNumber }) => pageNumber))
 * )
 * ```
 */
export const searchResults = (parts: ReadonlyArray<Response.AnyPart>): ReadonlyArray<SearchResult> =>
  parts.flatMap((part) => (part.type === "source" ? Option.toArray(readSearchResult(part.metadata[metadataKey])) : []))

const readSearchResult = Schema.decodeUnknownOption(SearchResult)

const failureOf = (method: string) => (reason: AiError.AiErrorReason) =>
  AiError.make({ module: "WeavLanguageModel", method, reason })

const partsOf = (reply: ChatResponse, chatId: string): Array<Response.PartEncoded> => [
  identity(reply),
  { type: "text", text: reply.text, metadata: { [metadataKey]: { chatId } } },
  ...sources(reply),
  finish
]

/** The parts of a streamed answer. One that breaks off has neither an end nor sources. */
const streamParts =
  (chatId: string) =>
  <R>(
    pieces: Stream.Stream<ChatResponse, AiError.AiErrorReason, R>
  ): Stream.Stream<Response.StreamPartEncoded, AiError.AiErrorReason, R> =>
    Stream.suspend(() => {
      // Its text is not kept: that has been handed on.
      const answer = makeAnswer(0)
      let id = ""
      const body = Stream.mapAccumArray(
        pieces,
        () => answer,
        (answer, pieces) => {
          const parts: Array<Response.StreamPartEncoded> = []
          for (const piece of pieces) {
            if (answer.value() === null) {
              id = piece.messageId
              parts.push(identity(piece), { type: "text-start", id, metadata: { [metadataKey]: { chatId } } })
            }
            if (piece.text !== "") parts.push({ type: "text-delta", id, delta: piece.text })
            answer.add(piece)
          }
          return [answer, parts]
        }
      )
      const end = Stream.suspend(() => {
        const whole = answer.value()
        return whole === null
          ? Stream.empty
          : Stream.fromArray<Response.StreamPartEncoded>([{ type: "text-end", id }, ...sources(whole), finish])
      })
      return Stream.concat(body, end)
    })

/** What a response says of itself. */
const identity = ({ messageId, timestamp }: ChatResponse): Response.ResponseMetadataPartEncoded => ({
  type: "response-metadata",
  id: messageId,
  timestamp: timestamp.toISOString()
})

const sources = ({ searchResults }: ChatResponse): ReadonlyArray<Response.DocumentSourcePartEncoded> =>
  searchResults.map((result) => ({
    type: "source",
    sourceType: "document",
    id: `${result.fileId}#${result.rank}`,
    // The service does not tell.
    mediaType: "application/octet-stream",
    title: `${result.fileName}, page ${result.pageNumber}`,
    fileName: result.fileName,
    metadata: { [metadataKey]: toWire(result) }
  }))

const finish: Response.FinishPartEncoded = {
  type: "finish",
  reason: "stop",
  usage: { inputTokens: {}, outputTokens: {} }
}
