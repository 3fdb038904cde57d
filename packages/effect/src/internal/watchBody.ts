/**
 * When the body of a response is over.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as HttpClientResponse from "effect/http/HttpClientResponse"

type Response = HttpClientResponse.HttpClientResponse

/**
 * A response that calls `onEnd`, once or more, when its body is over: read to its end, failed, left, or dropped with the
 * response. `onEnd` must not hold on to the response.
 */
export const watchBody = (response: Response, onEnd: () => void): Response => {
  const web = HttpClientResponse.toWeb(response)
  if (Option.isNone(web)) return watchReads(response, onEnd)
  watchWeb(web.value, onEnd)
  return response
}

/** What is garbage will not be read any more. */
const dropped =
  typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry<() => void>((onDrop) => onDrop())

const watchReads = (response: Response, onEnd: () => void): Response => {
  const ended = Effect.sync(onEnd)
  // From here on the reader says when it ends.
  const begin = <Body>(body: Body): Body => {
    dropped?.unregister(response)
    return body
  }
  const read = <A, E>(body: Effect.Effect<A, E>) =>
    Effect.ensuring(
      Effect.suspend(() => begin(body)),
      ended
    )
  dropped?.register(response, onEnd, response)
  return Object.create(response, {
    arrayBuffer: { get: () => read(response.arrayBuffer) },
    formData: { get: () => read(response.formData) },
    json: { get: () => read(response.json) },
    stream: {
      get: () =>
        Stream.ensuring(
          Stream.suspend(() => begin(response.stream)),
          ended
        )
    },
    text: { get: () => read(response.text) },
    upgrade: { get: () => read(response.upgrade) },
    urlParamsBody: { get: () => read(response.urlParamsBody) }
  })
}

/** In place, so that it makes no difference whether the response is read through Effect or by the web's own means. */
const watchWeb = (response: globalThis.Response, onEnd: () => void): void => {
  const reader = response.body?.getReader()
  // A runtime without streams hands over the whole response at once.
  if (reader === undefined) return onEnd()

  reader.closed.then(onEnd, onEnd)
  dropped?.register(response, leaving(reader))
  const body = new ReadableStream(new Source(reader, response), { highWaterMark: 0 })
  Object.defineProperty(response, "body", { value: body, configurable: true })
  for (const name of ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const) {
    if (!(name in response)) continue
    const value = () => new globalThis.Response(body, { headers: response.headers })[name]()
    Object.defineProperty(response, name, { value, configurable: true })
  }
}

/** Made where the response is out of sight: a closure holds on to all that is around it. */
const leaving = (reader: ReadableStreamDefaultReader) => () => void reader.cancel().catch(() => {})

class Source implements UnderlyingDefaultSource<Uint8Array> {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>
  /** Not dropped while its body is there to be read. */
  readonly response: globalThis.Response

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, response: globalThis.Response) {
    this.reader = reader
    this.response = response
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const { done, value } = await this.reader.read()
    if (done) controller.close()
    else controller.enqueue(value)
  }

  cancel(reason: unknown): Promise<void> {
    return this.reader.cancel(reason)
  }
}
