/**
 * Sending requests through clients that may let them wait for a turn.
 */
import type * as Effect from "effect/Effect"
import type { HttpClient } from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"

/** Sends in turn; the turn lasts until the response's body is over. */
export type InTurn = <E, R>(sending: Effect.Effect<HttpClientResponse, E, R>) => Effect.Effect<HttpClientResponse, E, R>

interface Turns {
  /** The client that sends when a request's turn has come. */
  readonly client: HttpClient
  readonly inTurn: InTurn
}

const turns = new WeakMap<HttpClient, Turns>()

/** Makes it known how a client sends. */
export const setTurns = (client: HttpClient, made: Turns): void => {
  turns.set(client, made)
}

/** Sends a request within a bound, such as a time limit, that does not hold for the wait for its turn. */
export const sendBounded = <E>(
  client: HttpClient,
  request: Effect.Effect<HttpClientRequest, HttpClientError>,
  bound: (sending: Effect.Effect<HttpClientResponse, HttpClientError>) => Effect.Effect<HttpClientResponse, E>
): Effect.Effect<HttpClientResponse, E> => {
  const made = turns.get(client)
  return made === undefined ? bound(client.postprocess(request)) : made.inTurn(sendBounded(made.client, request, bound))
}
