/**
 * Whether a message arrived whose answer did not: the chat's history tells.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ApiError, type ChatError } from "../ChatError.ts"
import type { ChatHistoryMessage, ChatHistoryResponse } from "../ChatHistory.ts"
import type { ChatResponse } from "../ChatResponse.ts"
import type { ChatRequest } from "../Requests.ts"
import type { WeavConfig } from "../WeavConfig.ts"
import { readJson } from "./body.ts"
import { historyCall } from "./calls.ts"
import { beginning, type HttpClient, send } from "./http.ts"
import { readModel } from "./json.ts"
import { Unreadable } from "./read.ts"
import { readChatHistoryResponse, readSearchResult } from "./readers.ts"
import { withRetry } from "./retry.ts"

/**
 * Settles the failures of an attempt to send a message after which it is unknown whether the message arrived. Where the
 * history has its answer, that is the attempt's; where not, the failure says whether the message arrived.
 */
export const reconciled =
  ({ chatId, userInput }: ChatRequest) =>
  (
    attempt: Effect.Effect<ChatResponse, ChatError, HttpClient>,
    config: WeavConfig["Service"]
  ): Effect.Effect<ChatResponse, ChatError, HttpClient> => {
    // Of the first attempt: what an earlier one sent may arrive late.
    let began: number | undefined

    return Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      const now = () => clock.currentTimeMillisUnsafe()
      began ??= now()
      const start = began
      const deadline = start + Duration.toMillis(config.timeouts.total)

      const call = historyCall(chatId)
      const progress = beginning()
      const read = Effect.flatMap(send(config, call, progress), (reply) => {
        // What the service's clock showed when the first attempt began; NaN where it does not say.
        const since = Date.parse(reply.response.headers["date"] ?? "") - (now() - start)
        return Effect.map(readJson(reply, readChatHistoryResponse), (history) => findAnswer(history, userInput, since))
      })
      const look: Effect.Effect<Finding, never, HttpClient> = Effect.catch(
        withRetry(read, call, config, progress),
        (error) => Effect.succeed<Finding>(error._tag === "NotFound" ? "no" : "unknown")
      )

      const settle = (error: ApiError, pause: number): Effect.Effect<ChatResponse, ApiError, HttpClient> =>
        Effect.flatMap(look, (found) => {
          if (typeof found !== "string") return Effect.succeed(found)
          const arrived = error.messageArrived === "yes" ? "yes" : found
          // A message that is not there yet may be on its way.
          const isEarly = arrived === "no" && pause === firstPause
          const { attempts, reason } = error
          const settled = isEarly ? error : new ApiError({ reason, attempts, messageArrived: arrived })
          if ((!isEarly && arrived !== "yes") || now() + pause >= deadline) return Effect.fail(settled)
          return Effect.andThen(Effect.sleep(pause), settle(settled, Math.min(2 * pause, longestPause)))
        })

      return Effect.catch(attempt, (error) =>
        error._tag === "ApiError" && error.messageArrived === "unknown" ? settle(error, firstPause) : Effect.fail(error)
      )
    })
  }

/** The answer to the message, or whether the message arrived. */
type Finding = ChatResponse | ApiError["messageArrived"]

/** Between two looks at the history, in milliseconds: the first, doubled with each look, up to the longest. */
const firstPause = 500
const longestPause = 8000

/** How much earlier than it was sent a message may be stamped, in milliseconds: clocks are read to the second. */
const tolerance = 2000

const findAnswer = ({ messages: given }: ChatHistoryResponse, userInput: string, since: number): Finding => {
  const isNewestFirst = given.length > 1 && given[0]!.timestamp > given.at(-1)!.timestamp
  const messages = isNewestFirst ? given.toReversed() : given
  const index = messages.findLastIndex(({ text, type }) => type === "user" && text.trim() === userInput.trim())
  const message = messages[index]
  if (message === undefined) return "no"
  if (Number.isNaN(since)) return "unknown"
  if (message.timestamp.getTime() < since - tolerance) return "no"
  const next = messages[index + 1]
  if (next === undefined || next.text === "") return "yes"
  // Behind another question it may be the answer to either.
  return next.type === "assistant" ? answerOf(next) : "unknown"
}

const answerOf = (message: ChatHistoryMessage): ChatResponse => ({
  ...message,
  searchResults: message.searchResults.map((item) => readModel(item, readSearchResult)).filter(isReadable),
  generateButton: null,
  tags: message.tags.filter((tag) => typeof tag === "string")
})

const isReadable = <A>(model: A | Unreadable): model is A => !(model instanceof Unreadable)
