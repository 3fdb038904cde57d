/**
 * The whole service as routes: the contract, its OpenAPI document, and what holds for every request.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { HttpEffect, HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiMiddleware, HttpApiSwagger } from "effect/http-api"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { DatabaseError } from "../Database.ts"
import type { Judge } from "../Faults.ts"
import { LocalApi, Validation, ValidationError } from "../LocalApi.ts"
import * as Authorization from "./authorization.ts"
import { faultInjection } from "./faultInjection.ts"
import * as Handlers from "./handlers.ts"
import { hostCheck } from "./hosts.ts"
import { problems } from "./validation.ts"

/** What the application can be told. */
export interface ApplicationOptions {
  readonly token: Redacted.Redacted | undefined
  readonly pieceDelay: Duration.Duration
  /** The origins whose pages may call the service; `true` for all. */
  readonly cors: boolean | ReadonlyArray<string>
  /** The names it may be called by, besides addresses and localhost; any when it is left out. */
  readonly hosts: ReadonlyArray<string> | undefined
  /** Says of each request which faults befall it; without it none do. */
  readonly judge: Judge | undefined
}

/** Registers all routes with the router. */
export const application = ({ token, pieceDelay, cors, hosts, judge }: ApplicationOptions) =>
  Layer.mergeAll(
    HttpApiBuilder.layer(LocalApi, { openapiPath: "/openapi.json" }),
    HttpApiSwagger.layer(LocalApi, { path: "/docs" })
  ).pipe(
    Layer.provide([Handlers.chat(pieceDelay), Handlers.service]),
    Layer.provide([Authorization.layer(token), validation]),
    Layer.provide(judge === undefined ? Layer.empty : faultInjection(judge)),
    Layer.provide(crossOrigin(cors)),
    Layer.provide(hosts === undefined ? Layer.empty : hostCheck(hosts)),
    Layer.provide(edge)
  )

const validation = HttpApiMiddleware.layerSchemaErrorTransform(Validation, (error) =>
  Effect.fail(error.kind === "Query" ? new ValidationError({ detail: problems("query", error.cause.issue) }) : error)
)

const crossOrigin = (cors: ApplicationOptions["cors"]): Layer.Layer<never, never, HttpRouter.HttpRouter> => {
  const allowedOrigins = typeof cors === "boolean" ? [] : cors
  // To the router's middleware an empty list means every origin.
  if (cors !== true && allowedOrigins.length === 0) return Layer.empty
  return HttpRouter.cors({ allowedOrigins, allowedMethods: ["GET", "POST"], exposedHeaders: [requestIdHeader] })
}

/** Wraps every request: names it, finds its path, and gives every failure a body. */
const edge = HttpRouter.middleware(
  (httpEffect) =>
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const given = request.headers[requestIdHeader]
      const requestId = given !== undefined && isRequestId.test(given) ? given : crypto.randomUUID()
      yield* HttpEffect.appendPreResponseHandler((_, response) => Effect.succeed(withHeaders(response, requestId)))
      const canonical = request.modify({ url: canonicalUrl(request.url) })
      return yield* httpEffect.pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, canonical),
        Effect.catchCause((cause) => {
          // Whoever interrupts a request, the reader or the server's end, wants no answer to it.
          if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
          return isRouteNotFound(cause) ? Effect.succeed(noRoute(canonical)) : failure(cause)
        }),
        Effect.annotateLogs({ requestId, method: request.method, path: pathOf(canonical.url) })
      )
    }),
  { global: true }
)

const requestIdHeader = "x-request-id"

const isRequestId = /^[\w.:-]{1,128}$/

const withHeaders = (response: HttpServerResponse.HttpServerResponse, requestId: string) =>
  HttpServerResponse.setHeaders(response, {
    [requestIdHeader]: requestId,
    ...(response.status === 401 && { "www-authenticate": "Bearer" })
  })

/** The path as the contract spells it: without the platform's prefix, doubled slashes and a trailing one. */
const canonicalUrl = (url: string): string => {
  const path = pathOf(url)
  const single = path.replace(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "")
  return (single.replace(/^\/chat-service(?=\/|$)/, "") || "/") + url.slice(path.length)
}

const pathOf = (url: string): string => url.replace(/[?#].*$/s, "")

const isRouteNotFound = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) =>
      reason._tag === "Fail" &&
      HttpServerError.isHttpServerError(reason.error) &&
      reason.error.reason._tag === "RouteNotFound"
  )

const methods = new Map<string, Array<string>>([
  ["/openapi.json", ["GET"]],
  ["/docs", ["GET"]]
])
HttpApi.reflect(LocalApi, {
  onGroup: () => {},
  onEndpoint: ({ endpoint }) => {
    const path = canonicalUrl(endpoint.path)
    methods.set(path, [...(methods.get(path) ?? []), endpoint.method])
  }
})

const noRoute = (request: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse => {
  const allowed = methods.get(pathOf(request.url))
  return allowed === undefined
    ? HttpServerResponse.jsonUnsafe({ detail: "Not Found" }, { status: 404 })
    : HttpServerResponse.jsonUnsafe(
        { detail: "Method Not Allowed" },
        { status: 405, headers: { allow: allowed.join(", ") } }
      )
}

const failure = (cause: Cause.Cause<unknown>) =>
  Effect.as(Effect.logError("The request failed", cause), storageFailure(cause) ?? internalServerError)

const internalServerError = HttpServerResponse.jsonUnsafe({ detail: "Internal Server Error" }, { status: 500 })

/** The failures that a caller can do something about. */
const storageFailure = (cause: Cause.Cause<unknown>): HttpServerResponse.HttpServerResponse | undefined => {
  const error = Cause.squash(cause)
  if (!(error instanceof DatabaseError)) return undefined
  const body = { detail: error.message }
  if (error.reason === "DiskFull") return HttpServerResponse.jsonUnsafe(body, { status: 507 })
  if (error.reason === "Busy")
    return HttpServerResponse.jsonUnsafe(body, { status: 503, headers: { "retry-after": "1" } })
  return undefined
}
