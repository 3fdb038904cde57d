/**
 * The body of a request, as undici takes it.
 */
import type * as Context from "effect/Context"
import * as Stream from "effect/Stream"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import { Readable } from "node:stream"
import * as Undici from "undici"

type Body = NonNullable<Undici.Dispatcher.DispatchOptions["body"]> | null

/** A stream runs when undici asks for its bytes, with these services, and is left when the request ends before it. */
export const requestBody = (request: HttpClientRequest, services: Context.Context<never>): Body => {
  const { body } = request
  switch (body._tag) {
    case "Empty":
      return null
    case "Uint8Array":
      return body.body
    case "Raw":
      return body.body instanceof URLSearchParams ? body.body.toString() : (body.body as Body)
    case "FormData":
      return formData(body.formData)
    case "Stream": {
      const bytes = Stream.mapError(
        body.stream,
        (cause) => new HttpClientError.HttpClientError({ reason: new HttpClientError.EncodeError({ request, cause }) })
      )
      return Readable.from(Stream.toAsyncIterableWith(bytes, services), { objectMode: false })
    }
  }
}

/** undici takes no other `FormData` than its own. */
const formData = (web: FormData): Undici.FormData => {
  const own = new Undici.FormData()
  for (const [name, value] of web) own.append(name, value)
  return own
}
