/**
 * The pieces of a streamed answer, put together.
 */
import type { ChatResponse } from "../ChatResponse.ts"

/** An answer that grows piece by piece. */
export interface Answer {
  /** Adds the next piece. */
  readonly add: (piece: ChatResponse) => void
  /** The answer so far, `null` before the first piece. */
  readonly value: () => ChatResponse | null
}

/**
 * An answer to put together piece by piece: texts are joined; of all else the last piece's value holds, but a list or
 * button that a piece leaves out does not undo an earlier one. Text beyond `maxLength` characters is not kept.
 */
export const makeAnswer = (maxLength = Infinity): Answer => {
  let text = ""
  let last: ChatResponse | null = null
  let searchResults: ChatResponse["searchResults"] = []
  let tags: ChatResponse["tags"] = []
  let generateButton: ChatResponse["generateButton"] = null
  return {
    add(piece) {
      if (text.length < maxLength) text += piece.text
      if (piece.searchResults.length > 0) searchResults = piece.searchResults
      if (piece.tags.length > 0) tags = piece.tags
      if (piece.generateButton !== null) generateButton = piece.generateButton
      last = piece
    },
    value: () => last && { ...last, text, searchResults, tags, generateButton }
  }
}
