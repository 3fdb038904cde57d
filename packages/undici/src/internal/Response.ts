/**
 * A response as Effect's HTTP client hands it out.
 */
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as UrlParams from "effect/http/UrlParams"
import type { Head } from "./exchange.ts"
import type { Bytes } from "./ResponseBody.ts"

type Read<A> = Effect.Effect<A, HttpClientError.HttpClientError>

const utf8 = new TextDecoder()
const utf8WithMark = new TextDecoder("utf-8", { ignoreBOM: true })

/** What costs something to make is made when it is asked for. */
export class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse, Pipeable {
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly request: HttpClientRequest
  readonly status: number
  private readonly head: Head
  private readonly target: URL
  private headersMade: Headers.Headers | undefined

  constructor(request: HttpClientRequest, target: URL, head: Head) {
    super()
    this.request = request
    this.status = head.status
    this.head = head
    this.target = target
  }

  get url(): string {
    return this.target.href.split("#", 1)[0]!
  }

  get headers(): Headers.Headers {
    return (this.headersMade ??= joinHeaders(this.head.headers))
  }

  get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(this.head.headers["set-cookie"] ?? [])
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    const { body } = this.head
    return Stream.fromPull(Effect.suspend(() => body.readChunks())).pipe(
      Stream.mapError((cause) => this.decodeError(cause)),
      Stream.ensuring(Effect.sync(() => body.abort()))
    )
  }

  get arrayBuffer(): Read<ArrayBuffer> {
    return Effect.map(this.bytes, (bytes) => new Uint8Array(bytes).buffer)
  }

  get text(): Read<string> {
    return Effect.map(this.bytes, (bytes) => utf8.decode(bytes))
  }

  get json(): Read<Schema.Json> {
    return Effect.flatMap(this.text, (text) => this.decode(() => (text === "" ? null : JSON.parse(text))))
  }

  get urlParamsBody(): Read<UrlParams.UrlParams> {
    return Effect.flatMap(this.bytes, (bytes) =>
      // `URLSearchParams` takes a question mark in front for the beginning of a query; in a body it is data.
      this.decode(() => UrlParams.fromInput(new URLSearchParams(utf8WithMark.decode(bytes).replace(/^\?/, "%3F"))))
    )
  }

  get formData(): Read<FormData> {
    const { "content-type": contentType = "" } = this.headers
    return Effect.flatMap(this.bytes, (bytes) =>
      Effect.tryPromise({
        try: () => new globalThis.Response(bytes, { headers: { "content-type": contentType } }).formData(),
        catch: (cause) => this.decodeError(cause)
      })
    )
  }

  get upgrade(): Effect.Effect<never, HttpClientError.HttpClientError> {
    const description = "this client does not hand over connections"
    const reason = new HttpClientError.StatusCodeError({ request: this.request, response: this, description })
    return Effect.fail(new HttpClientError.HttpClientError({ reason }))
  }

  toJSON(): unknown {
    const { request, status } = this
    return HttpIncomingMessage.inspect(this, { _id: "HttpClientResponse", request: request.toJSON(), status })
  }

  pipe() {
    return pipeArguments(this, arguments)
  }

  private get bytes(): Read<Bytes> {
    return Effect.mapError(
      Effect.suspend(() => this.head.body.readAll()),
      (cause) => this.decodeError(cause)
    )
  }

  private decode<A>(evaluate: () => A): Read<A> {
    return Effect.try({ try: evaluate, catch: (cause) => this.decodeError(cause) })
  }

  private decodeError(cause: unknown): HttpClientError.HttpClientError {
    const reason = new HttpClientError.DecodeError({ request: this.request, response: this, cause })
    return new HttpClientError.HttpClientError({ reason })
  }
}

/** A cookie may hold a comma, so of several `set-cookie` the last stands here, as with `fetch`; `cookies` has all. */
const joinHeaders = (headers: Head["headers"]): Headers.Headers => {
  const joined: Record<string, string> = {}
  for (const [name, value = ""] of Object.entries(headers)) {
    joined[name] = typeof value === "string" ? value : name === "set-cookie" ? value.at(-1)! : value.join(", ")
  }
  return Headers.fromRecordUnsafe(joined)
}
