/**
 * JSON from outside as models, and what is wrong with it in words.
 */
import { InvalidResponse } from "../ChatError.ts"
import { aboutResponse, type Reply } from "./http.ts"
import { Unreadable } from "./read.ts"
import type { Reader } from "./readers.ts"

/** The model that a JSON value stands for, or what is wrong with it. */
export const readModel = <A>(json: unknown, read: Reader<A>): A | Unreadable => {
  try {
    return read(json)
  } catch (error) {
    if (error instanceof Unreadable) return error
    throw error
  }
}

/** The error for a body, or the part of one, that is not what the contract says. */
export const invalidResponse = (reply: Reply, description: string, body = ""): InvalidResponse =>
  new InvalidResponse({
    ...aboutResponse(reply),
    description: reply.excerpt(description),
    body: reply.excerpt(body)
  })
