/**
 * The bearer check: lets the right token through and reads who it belongs to.
 */
import * as Effect from "effect/Effect"
import { HttpServerRequest } from "effect/http"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createHash, timingSafeEqual } from "node:crypto"
import { defaultUserId } from "../Chats.ts"
import { Authorization, Caller, Unauthorized } from "../LocalApi.ts"

/** Accepts the given token only, or any token when there is none. */
export const layer = (token: Redacted.Redacted | undefined): Layer.Layer<Authorization> => {
  const expected = token && digest(Redacted.value(token))
  return Layer.succeed(Authorization)({
    bearer: Effect.fnUntraced(function* (httpEffect, { credential }) {
      const given = Redacted.value(credential)
      if (!isToken.test(given)) {
        const { headers } = yield* HttpServerRequest.HttpServerRequest
        const fault = headers["authorization"] === undefined ? "is missing" : "is malformed"
        return yield* new Unauthorized({
          detail: `The Authorization header ${fault}: send "Authorization: Bearer <token>"`
        })
      }
      if (expected !== undefined && !timingSafeEqual(expected, digest(given))) {
        return yield* new Unauthorized({ detail: "The bearer token is not the one this service was started with" })
      }
      return yield* Effect.provideService(httpEffect, Caller, { userId: userId(given) })
    })
  })
}

const isToken = /^\S+$/

// Of equal length whatever was given, so that the comparison takes equal time.
const digest = (token: string) => createHash("sha256").update(token).digest()

const Claims = Schema.StringFromBase64Url.pipe(
  Schema.decodeTo(Schema.fromJsonString(Schema.Struct({ sub: Schema.NonEmptyString })))
)

const decodeClaims = Schema.decodeOption(Claims)

/** The subject that a JWT names. Its signature is not this service's to check. */
const userId = (token: string): string =>
  Option.match(decodeClaims(token.split(".")[1] ?? ""), { onNone: () => defaultUserId, onSome: ({ sub }) => sub })
