/**
 * One request and its response, in the service's terms. On the way of a call only this module and those it is made of
 * (`sending`, `responseBody`) know Effect's HTTP client, which is marked unstable upstream.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import { RequestInit } from "effect/http/FetchHttpClient"
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
  Unauthorized,
  UnexpectedStatus
} from "../ChatError.ts"
import { checkToken, type Timeouts, type TokenSource, type WeavConfig } from "../WeavConfig.ts"
import { excerptOf } from "./excerpt.ts"
import { Follower } from "./observer.ts"
import { followRedirect, isRedirect } from "./redirect.ts"
import { type BodyText, readText } from "./responseBody.ts"
import { sendBounded } from "./sending.ts"
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

/** How far a call has come. */
export interface Progress {
  /** The attempt that it is at, counted from 1. */
  attempt: number
  /** The last attempt that was sent, 0 before the first: one may have to wait for its turn. */
  sent: number
}

/** Where a call begins. */
export const beginning = (): Progress => ({ attempt: 1, sent: 0 })

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
  call: Call,
  progress: Progress
): Effect.Effect<Reply, ChatError, HttpClient.HttpClient> => {
  const { authToken } = config
  if (Redacted.isRedacted(authToken)) {
    return Effect.suspend(() => sendWith(config, call, progress, Redacted.value(authToken)))
  }

  const ask = Effect.map(askToken(call.operation, authToken), Redacted.value)
  return Effect.flatMap(ask, (token) =>
    Effect.catch(sendWith(config, call, progress, token), (error) =>
      // The token may have expired on its way: one that is new is tried once.
      error._tag === "Unauthorized"
        ? Effect.flatMap(ask, (fresh) =>
            fresh === token ? Effect.fail(error) : sendWith(config, call, progress, fresh)
          )
        : Effect.fail(error)
    )
  )
}

const sendWith = (
  config: WeavConfig["Service"],
  call: Call,
  progress: Progress,
  token: string,
  url = config.baseUrl + call.path,
  redirects = 0
): Effect.Effect<Reply, ChatError, HttpClient.HttpClient> => {
  const { operation } = call
  const excerpt: Excerpt = (text) => excerptOf(text, token)
  const request = makeRequest(config, call, token, url, excerpt)
  if (request instanceof ApiError) return Effect.fail(request)

  return execute(config, call, progress, request).pipe(
    Effect.matchEffect({
      onFailure: (error) => Effect.fail(error instanceof ApiError ? error : transportError(operation, error, excerpt)),
      onSuccess: (response) => {
        const reply = { operation, response, excerpt, config }
        if (response.status >= 200 && response.status < 300) return Effect.succeed(reply)
        return isRedirect(response.status)
          ? follow(reply, call, progress, token, url, redirects)
          : failWithStatus(reply)
      }
    })
  )
}

/** Sends a call to where the reply to it leads. */
const follow = (
  reply: Reply,
  call: Call,
  progress: Progress,
  token: string,
  url: string,
  redirects: number
): Effect.Effect<Reply, ChatError, HttpClient.HttpClient> =>
  // The body is read to its end, so that its connection can serve the next request.
  Effect.flatMap(textIfAny(reply), (body) => {
    const { config, excerpt, response } = reply
    const next = followRedirect(response, call.method, url, redirects)
    return next instanceof URL
      ? sendWith(config, call, progress, token, next.href, redirects + 1)
      : fail(new UnexpectedStatus({ ...aboutResponse(reply), detail: excerpt(next), body: excerpt(body) }))
  })

const execute = (
  config: WeavConfig["Service"],
  { method, operation }: Call,
  progress: Progress,
  request: HttpClientRequest.HttpClientRequest
) =>
  Effect.flatMap(HttpClient.HttpClient, (client) =>
    Effect.flatMap(Follower, (follower) => {
      const sent = follower && { operation, method, url: request.url.split("?", 1)[0]! }
      const prepared = Effect.withFiber((fiber) => {
        prepare(fiber, config)
        progress.sent = progress.attempt
        if (sent) follower.onRequest?.(sent)
        return client.preprocess(request)
      })
      const sending = sendBounded(client, prepared, (sending) =>
        within(sending, config.timeouts.firstByte, () => timeoutError(operation, config.timeouts, "firstByte", once))
      )
      return sent
        ? Effect.map(sending, (response) => {
            follower.onResponse?.({ ...sent, status: response.status, headers: response.headers })
            return response
          })
        : sending
    })
  )

/**
 * Keeps `fetch` from following redirects by itself, and Effect from sending trace headers, and from making spans that
 * nobody gets to see. Run inside of the client, where what its layer was given is in the context as well, and in a fiber
 * that ends with the request: nobody else gets to see the settings.
 */
const prepare = (fiber: Fiber.Fiber<unknown, unknown>, { propagateTrace }: WeavConfig["Service"]): void => {
  const init = { ...Context.getOrUndefined(fiber.context, RequestInit), redirect: "manual" } as const
  let context = Context.add(fiber.context, RequestInit, init)
  if (!propagateTrace) {
    context =
      fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer
        ? Context.add(context, Tracer.DisablePropagation, true)
        : Context.add(context, HttpClient.TracerPropagationEnabled, false)
  }
  fiber.setContext(context)
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
  const body = Effect.map(readText(reply.response, 1024 * 1024), ({ text }) => text)
  return Effect.catch(
    within(body, reply.config.timeouts.idle, () => undefined),
    () => Effect.succeed("")
  )
}

/** The error for a time limit that passed. */
export const timeoutError = (
  operation: Operation,
  timeouts: Timeouts,
  limit: keyof Timeouts,
  { attempt, sent }: Progress
): ApiError =>
  new ApiError({
    reason: new TimeoutError({ operation, limit, duration: Duration.toMillis(timeouts[limit]) }),
    attempts: sent,
    messageArrived: sent < attempt ? "no" : undefined
  })

/** Of an attempt that is looked at for itself. */
export const once: Progress = { attempt: 1, sent: 1 }

/** Fails with an `ApiError` of this reason. */
export const fail = (reason: ApiErrorReason, attempts?: number): Effect.Effect<never, ApiError> =>
  Effect.fail(new ApiError({ reason, attempts }))

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

/** The request, or what is wrong with its transformation. */
const makeRequest = (
  config: WeavConfig["Service"],
  call: Call,
  token: string,
  url: string,
  excerpt: Excerpt
): HttpClientRequest.HttpClientRequest | ApiError => {
  const { transformRequest } = config
  const authorization = `Bearer ${token}`
  // Sent as the string it is: `HttpBody.text` makes bytes of it, which fetch copies once more.
  const body =
    call.json === undefined ? undefined : HttpBody.raw(JSON.stringify(call.json), { contentType: "application/json" })
  // Made in one step: the combinators copy the headers for each that is set.
  const request = HttpClientRequest.makeWith(
    call.method,
    url,
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

  const refuse = (message: string): ApiError =>
    invalidRequest(call.operation, [{ field: "transformRequest", message: excerpt(message) }])
  try {
    const transformed = transformRequest(request)
    if (!HttpClientRequest.isHttpClientRequest(transformed)) {
      return refuse(`must return a request, got ${typeof transformed}`)
    }
    const { origin } = new URL(config.baseUrl)
    const isAtHome = URL.canParse(transformed.url) && new URL(transformed.url).origin === origin
    return isAtHome
      ? HttpClientRequest.setHeader(transformed, "authorization", authorization)
      : refuse(`must keep the request at ${origin}, where the token belongs`)
  } catch (error) {
    return refuse(`threw ${error instanceof Error ? error : "no Error"}`)
  }
}

const transportError = (operation: Operation, error: unknown, excerpt: Excerpt): ApiError =>
  new ApiError({ reason: new TransportError({ operation, ...describeCause(error, excerpt) }) })

const failWithStatus = (reply: Reply): Effect.Effect<never, ChatError> =>
  Effect.flatMap(textIfAny(reply), (body) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const about = { ...aboutResponse(reply), body }
      return Effect.fail(statusError(about, reply.response.headers, reply.excerpt, now))
    })
  )
