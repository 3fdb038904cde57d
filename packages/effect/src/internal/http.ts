/**
 * One request and its response, in the service's terms. This module and those it is made of (`responseBody`, `traced`)
 * are the only ones that know Effect's HTTP client, which is marked unstable upstream.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as UrlParams from "effect/http/UrlParams"
import {
  ApiError,
  type ApiErrorReason,
  type ChatError,
  type Operation,
  TimeoutError,
  TransportError,
  Unauthorized
} from "../ChatError.ts"
import { checkToken, type Timeouts, type TokenSource, type WeavConfig } from "../WeavConfig.ts"
import { excerptOf } from "./excerpt.ts"
import { type BodyText, readText } from "./responseBody.ts"
import { statusError } from "./statusError.ts"
import { invalidRequest } from "./validate.ts"
import { within } from "./within.ts"

export type { HttpClient } from "effect/http/HttpClient"
export type { HttpClientRequest } from "effect/http/HttpClientRequest"

/** What is asked of the service. */
export interface Call {
  readonly operation: Operation
  readonly method: "GET" | "POST"
  /** The path below the base URL, with its query. */
  readonly path: string
  /** The JSON body. */
  readonly json?: unknown
  readonly accept: string
}

/** A response with a good status, and what it takes to read it. */
export interface Reply {
  readonly operation: Operation
  readonly response: HttpClientResponse
  readonly excerpt: Excerpt
  readonly config: WeavConfig["Service"]
}

/** What may be kept of a text from outside: its start, without the token. */
export type Excerpt = (text: string) => string

/** Sends a call, and hands back the response once its headers are there and its status is good. */
export const send = (
  config: WeavConfig["Service"],
  call: Call
): Effect.Effect<Reply, ChatError, HttpClient.HttpClient> => {
  const { authToken } = config
  if (Redacted.isRedacted(authToken)) return sendWith(config, call, Redacted.value(authToken))

  const ask = Effect.map(askToken(call.operation, authToken), Redacted.value)
  return Effect.flatMap(ask, (token) =>
    Effect.catchTag(sendWith(config, call, token), "Unauthorized", (refusal) =>
      // The token may have expired on its way: one that is new is tried once.
      Effect.flatMap(ask, (fresh) => (fresh === token ? Effect.fail(refusal) : sendWith(config, call, fresh)))
    )
  )
}

const sendWith = (
  config: WeavConfig["Service"],
  call: Call,
  token: string
): Effect.Effect<Reply, ChatError, HttpClient.HttpClient> => {
  const { operation } = call
  const request = makeRequest(config, call, token)
  if (request === undefined) return Effect.fail(misdirected(config, operation))

  const excerpt: Excerpt = (text) => excerptOf(text, token)
  const response = Effect.flatMap(HttpClient.HttpClient, (client) => client.execute(request))
  return within(response, config.timeouts.firstByte, () => timeoutError(operation, config.timeouts, "firstByte")).pipe(
    Effect.matchEffect({
      onFailure: (error) => Effect.fail(error instanceof ApiError ? error : transportError(operation, error, excerpt)),
      onSuccess: (response) =>
        response.status >= 200 && response.status < 300
          ? Effect.succeed({ operation, response, excerpt, config })
          : failWithStatus({ operation, response, excerpt, config })
    })
  )
}

/** The media type of a response, without parameters, in lower case; empty where none is given. */
export const mediaType = ({ response }: Reply): string =>
  (response.headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase()

/** What a response says of itself, for an error. */
export const aboutResponse = ({ excerpt, operation, response }: Reply) => {
  const requestId = response.headers["x-request-id"]
  return { operation, status: response.status, requestId: requestId && excerpt(requestId) }
}

/** The text of the body, up to the configured length. */
export const text = (reply: Reply): Effect.Effect<BodyText, ChatError> =>
  Effect.mapError(readText(reply.response, reply.config.maxBodyLength), (error) =>
    transportError(reply.operation, error, reply.excerpt)
  )

/** The text of a body that is to illustrate an error: where it cannot be had soon, the error does without. */
export const textIfAny = (reply: Reply): Effect.Effect<string> => {
  const none = () => Effect.succeed("")
  return readText(reply.response, 1024 * 1024).pipe(
    Effect.map(({ text }) => text),
    Effect.timeoutOrElse({ duration: reply.config.timeouts.idle, orElse: none }),
    Effect.catch(none)
  )
}

/** The error for a time limit that passed. */
export const timeoutError = (operation: Operation, timeouts: Timeouts, limit: keyof Timeouts): ApiError =>
  new ApiError({
    reason: new TimeoutError({ operation, limit, duration: Duration.toMillis(timeouts[limit]) }),
    attempts: 1
  })

/** Fails with an `ApiError` of this reason. */
export const fail = (reason: ApiErrorReason): Effect.Effect<never, ApiError> =>
  Effect.fail(new ApiError({ reason, attempts: 1 }))

/** What went wrong underneath, in the words of the innermost cause. */
export const describeCause = (cause: unknown, excerpt: Excerpt): { code: string | undefined; description: string } => {
  let code: string | undefined
  let description = "the connection failed"
  for (let error = cause, depth = 0; error instanceof Error && depth < 8; depth++) {
    if ("code" in error && typeof error.code === "string") code = error.code
    if (error.message !== "") description = error.message
    error = error instanceof AggregateError && error.cause === undefined ? error.errors[0] : error.cause
  }
  return { code, description: excerpt(description) }
}

const askToken = (
  operation: Operation,
  source: Exclude<TokenSource, Redacted.Redacted>
): Effect.Effect<Redacted.Redacted, Unauthorized> =>
  source.pipe(
    Effect.flatMap(checkToken),
    Effect.mapError(
      (error) =>
        new Unauthorized({
          operation,
          detail: error instanceof Error ? error.message : "the token source failed",
          body: ""
        })
    )
  )

/** The request, or `undefined` where its transformation would take the token to another origin. */
const makeRequest = (
  config: WeavConfig["Service"],
  call: Call,
  token: string
): HttpClientRequest.HttpClientRequest | undefined => {
  const { transformRequest } = config
  const authorization = `Bearer ${token}`
  // Sent as the string it is: `HttpBody.text` makes bytes of it, which fetch copies once more.
  const body =
    call.json === undefined ? undefined : HttpBody.raw(JSON.stringify(call.json), { contentType: "application/json" })
  // Made in one step: the combinators copy the headers for each that is set.
  const request = HttpClientRequest.makeWith(
    call.method,
    config.baseUrl + call.path,
    UrlParams.empty,
    Option.none(),
    Headers.fromRecordUnsafe({
      accept: call.accept,
      ...(body && { "content-type": "application/json" }),
      ...(transformRequest === undefined && { authorization })
    }),
    body ?? HttpBody.empty
  )
  if (transformRequest === undefined) return request

  const transformed = transformRequest(request)
  const isAtHome = URL.canParse(transformed.url) && new URL(transformed.url).origin === new URL(config.baseUrl).origin
  return isAtHome ? HttpClientRequest.setHeader(transformed, "authorization", authorization) : undefined
}

const misdirected = (config: WeavConfig["Service"], operation: Operation): ApiError => {
  const message = `must keep the request at ${new URL(config.baseUrl).origin}, where the token belongs`
  return invalidRequest(operation, [{ field: "transformRequest", message }])
}

const transportError = (operation: Operation, error: unknown, excerpt: Excerpt): ApiError =>
  new ApiError({ reason: new TransportError({ operation, ...describeCause(error, excerpt) }), attempts: 1 })

const failWithStatus = (reply: Reply): Effect.Effect<never, ChatError> =>
  Effect.flatMap(Effect.zip(textIfAny(reply), Clock.currentTimeMillis), ([body, now]) => {
    const { excerpt, operation, response } = reply
    return Effect.fail(
      statusError(operation, { status: response.status, headers: response.headers, body, excerpt, now })
    )
  })
