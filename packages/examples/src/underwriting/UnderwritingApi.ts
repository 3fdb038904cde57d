/**
 * Underwriting over HTTP: `POST /reviews` with a submission.
 */
import { Effect, Layer, Schema } from "effect"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { NoSuchDocument, Review, Submission, Underwriting } from "./Underwriting.ts"

/** Reviews cannot be made at present. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}, { httpApiStatus: 503 }) {}

/** The contract. */
export const UnderwritingApi = HttpApi.make("underwriting").add(
  HttpApiGroup.make("reviews").add(
    HttpApiEndpoint.post("create", "/reviews", {
      payload: Submission,
      success: Review,
      error: [NoSuchDocument, Unavailable]
    })
  )
)

/** What each endpoint does. */
export const handlers = HttpApiBuilder.group(
  UnderwritingApi,
  "reviews",
  Effect.fn(function* (handlers) {
    const underwriting = yield* Underwriting
    return handlers.handle("create", ({ payload }) =>
      underwriting.review(payload).pipe(
        Effect.tapErrorTag("Unauthorized", (error) => Effect.logError(error)),
        // Whose token was refused is the operators' business, not the caller's.
        Effect.catchTag("Unauthorized", () => Effect.fail(new Unavailable()))
      )
    )
  })
)

/** The contract's routes. */
export const routes = HttpApiBuilder.layer(UnderwritingApi, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide(handlers)
)
