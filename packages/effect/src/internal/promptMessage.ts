/**
 * What of an `effect/ai` prompt is sent to Weav's chat, and what it cannot take.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { type AiErrorReason, InvalidRequestError, InvalidUserInputError } from "effect/ai/AiError"
import type { ProviderOptions } from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type { ChatRequest } from "../Requests.ts"

/** A message to send. */
export interface PromptMessage {
  readonly request: ChatRequest
  /** Whether it opens a chat of its own, so that sending it again says nothing twice. */
  readonly isNewChat: boolean
}

/** The key of what is kept about Weav in the parts of answers and, from there, of prompts. */
export const metadataKey = "weav"

/** The message that a prompt ends with: all that comes after the last answer, which the service has the rest of. */
export const promptMessage = Effect.fnUntraced(function* (
  { prompt, responseFormat, toolChoice }: ProviderOptions,
  { chatId, fileId }: { readonly chatId?: string | undefined; readonly fileId: string }
): Effect.fn.Return<PromptMessage, AiErrorReason> {
  // Without tools it is "none", whatever the program asked for.
  if (toolChoice !== "none") {
    return yield* unable("toolkit", 'Weav\'s chat calls no tools. Leave the toolkit out, or give toolChoice "none".')
  }
  if (responseFormat.type !== "text") {
    return yield* unable("schema", "Weav's chat answers in text only. Use generateText and read the answer's text.")
  }
  if (prompt.content.some(({ role }) => role === "system")) {
    return yield* refuse("Weav's chat takes no system message. Put what it says into the user message.")
  }
  const last = prompt.content.findLastIndex(({ role }) => role === "assistant")
  const userInput = yield* textOf(prompt.content.slice(last + 1))

  const answer = prompt.content[last]
  if (answer === undefined) {
    return { request: { userInput, fileId, chatId: chatId ?? crypto.randomUUID() }, isNewChat: chatId === undefined }
  }
  const continued = chatIdOf(answer) ?? chatId
  if (continued === undefined) {
    return yield* refuse(
      "The prompt holds an answer that is not Weav's. Its chat keeps the conversation itself and cannot be given one: send the user message alone, or give the chatId of the chat that the answer is in."
    )
  }
  if (chatId !== undefined && chatId !== continued) {
    return yield* refuse(`The prompt continues the chat ${continued}, but the model is for the chat ${chatId}.`)
  }
  return { request: { userInput, fileId, chatId: continued }, isNewChat: false }
})

const textOf = Effect.fnUntraced(function* (
  messages: ReadonlyArray<Prompt.Message>
): Effect.fn.Return<string, AiErrorReason> {
  if (messages.length === 0)
    return yield* refuse("The prompt does not end with a user message: there is nothing to send.")
  const texts: Array<string> = []
  for (const message of messages) {
    if (message.role !== "user")
      return yield* refuse("The prompt holds results of tools, which Weav's chat has not called.")
    for (const part of message.content) {
      if (part.type === "file") {
        return yield* refuse(
          `The prompt holds a file (${part.mediaType}), which Weav's chat does not take. It answers from the document that fileId names.`
        )
      }
      texts.push(part.text)
    }
  }
  return texts.join("\n\n")
})

/** The chat that an answer was given in, if it is Weav's. */
const chatIdOf = ({ content }: Prompt.Message): string | undefined => {
  for (const part of Predicate.isString(content) ? [] : content) {
    const kept = part.options[metadataKey]
    if (Predicate.hasProperty(kept, "chatId") && Predicate.isString(kept.chatId)) return kept.chatId
  }
  return undefined
}

const unable = (parameter: string, description: string) =>
  Effect.fail(new InvalidRequestError({ parameter, constraint: "cannot be used", description }))

const refuse = (description: string) => Effect.fail(new InvalidUserInputError({ description }))
