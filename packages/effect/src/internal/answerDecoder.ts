/**
 * From the text of a streamed answer to its pieces, in one step and without waiting: a network chunk is cut into
 * frames, each frame is parsed, checked and converted, and whoever reads gets all pieces of the chunk at once.
 */
import { ApiError, type ApiErrorReason, StreamInterrupted } from "../ChatError.ts"
import type { ChatResponse } from "../ChatResponse.ts"
import { makeAnswer } from "./answer.ts"
import type { Framing } from "./framing.ts"
import { aboutResponse, type Progress, type Reply } from "./http.ts"
import { invalidResponse, readModel } from "./json.ts"
import { parseJson } from "./parseJson.ts"
import { Unreadable } from "./read.ts"
import { readChatResponse } from "./readers.ts"

/** How the pieces of an answer build on each other. */
export type Pieces = "delta" | "snapshot"

export interface AnswerDecoder {
  readonly takeBytes: (bytes: Uint8Array) => void
  /** The body ended as it should. */
  readonly takeEnd: () => void
  /** The body was cut off; in words, or by an error that says why. */
  readonly takeBreak: (why: string | ApiErrorReason) => void
  /** The pieces that came out since the last call. */
  readonly takePieces: () => Array<ChatResponse>
  /** What the stream ends with once its pieces are taken: an error, its natural end, or not yet. */
  readonly state: () => ApiError | "ended" | "open"
  readonly hasPieces: () => boolean
}

export const makeAnswerDecoder = (
  reply: Reply,
  framing: Framing,
  pieces: Pieces,
  progress: Progress
): AnswerDecoder => {
  const { maxEventLength } = reply.config
  const utf8 = new TextDecoder()
  const answer = makeAnswer(maxKeptText)
  let output: Array<ChatResponse> = []
  let failure: ApiError | undefined
  let snapshot = ""
  let isDone = false
  let hasEnded = false

  const stop = (reason: ApiErrorReason): void => {
    failure ??= new ApiError({ reason, attempts: progress.sent })
  }

  const interrupt = (description: string): void => {
    const { operation, requestId } = aboutResponse(reply)
    stop(new StreamInterrupted({ operation, requestId, description, answer: answer.value() }))
  }

  const refuse = (description: string, data?: string): void => stop(invalidResponse(reply, description, data))

  const takeFrame = (data: string, event: string): void => {
    if (failure !== undefined || data === "") return
    if (data.length > maxEventLength) return refuseLength()

    const json = parseJson(data)
    if (json === undefined && (data.trim() === "" || data.trim() === "[DONE]")) {
      isDone ||= data.trim() !== ""
      return
    }
    if (event === "error" || isErrorReport(json)) return interrupt(`the service reported: ${reply.excerpt(data)}`)
    // A client of the standard's does not hear events of other names; one that is a message is taken all the same.
    if (event !== "" && event !== "message" && !hasText(json)) return
    if (json === undefined) {
      const isCut = hasEnded && data.trimStart().startsWith("{")
      return isCut ? interrupt("the body ended inside a piece") : refuse("a piece of the answer is no JSON", data)
    }
    const message = readModel(json, readChatResponse)
    if (message instanceof Unreadable) return refuse(`${message}`, data)
    const piece = pieces === "delta" ? message : deltaOf(message)
    if (piece === undefined) {
      return refuse("a snapshot does not extend the one before it: read the pieces as deltas", data)
    }
    answer.add(piece)
    output.push(piece)
  }

  const deltaOf = (piece: ChatResponse): ChatResponse | undefined => {
    if (!piece.text.startsWith(snapshot)) return undefined
    const text = piece.text.slice(snapshot.length)
    snapshot = piece.text
    return { ...piece, text }
  }

  const takeText = (text: string): void => {
    if (framing.push(text, takeFrame) > maxEventLength) refuseLength()
  }

  const refuseLength = () => refuse(`a piece of the answer is longer than ${maxEventLength} characters`)

  return {
    takeBytes: (bytes) => takeText(utf8.decode(bytes, { stream: true })),
    takeEnd() {
      hasEnded = true
      takeText(utf8.decode())
      if (framing.end(takeFrame) !== "") interrupt("the body ended inside an event")
      if (answer.value() === null) refuse("the body ended without a piece of an answer")
    },
    takeBreak(why) {
      hasEnded = true
      // After [DONE] the answer is whole, whatever becomes of the connection.
      if (isDone) return
      if (typeof why === "string") interrupt(why)
      else stop(why)
    },
    takePieces() {
      const taken = output
      output = []
      return taken
    },
    state: () => failure ?? (hasEnded ? "ended" : "open"),
    hasPieces: () => output.length > 0
  }
}

/** Beyond this the text of an interrupted answer is not kept, so that a long stream does not fill memory. */
const maxKeptText = 10_000_000

const hasText = (json: unknown): boolean => typeof json === "object" && json !== null && "text" in json

const isErrorReport = (json: unknown): boolean =>
  typeof json === "object" && json !== null && !("text" in json) && ("error" in json || "detail" in json)
