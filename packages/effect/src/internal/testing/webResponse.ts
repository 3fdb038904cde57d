/**
 * Responses of the web, made by hand.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** A response whose body comes in these chunks, each by itself. */
export const webResponse = (
  chunks: Stream.Stream<string, TypeError>,
  { headers, status = 200 }: { readonly status?: number; readonly headers: Readonly<Record<string, string>> }
): Effect.Effect<Response> =>
  hasNoBody(status)
    ? Effect.succeed(new Response(null, { status, headers }))
    : Effect.map(
        Stream.toReadableStreamEffect(Stream.map(chunks, (text) => new TextEncoder().encode(text))),
        (body) => new Response(body, { status, headers })
      )

/** The statuses that a `Response` takes no body with. */
const hasNoBody = (status: number): boolean => status === 204 || status === 205 || status === 304

/** What `fetch`, or the reader of its body, rejects with when there is no connection, or no longer. */
export const brokenConnection = (message: "fetch failed" | "terminated", code: string): TypeError =>
  new TypeError(message, { cause: Object.assign(new Error(`${code}: the connection broke`), { code }) })
