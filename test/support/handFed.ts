/**
 * A response whose body a test feeds by hand.
 */

export interface HandFed {
  /** Answers a request, for `inProcess`. As with `fetch`, aborting the request ends the body too. */
  readonly respond: (request: Request, signal: AbortSignal) => Response
  /** Resolves when the reader waits for bytes that are not there yet. */
  readonly wanted: () => Promise<void>
  /** How often the reader has asked for bytes. */
  readonly reads: () => number
  readonly give: (text: string) => void
  readonly end: () => void
  /** Resolves when the reader has left the body. */
  readonly left: Promise<void>
}

export const handFed = (contentType: string, status = 200): HandFed => {
  const left = Promise.withResolvers<void>()
  let wanted = Promise.withResolvers<void>()
  let reads = 0
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started
      },
      pull() {
        reads++
        wanted.resolve()
      },
      cancel: () => left.resolve()
    },
    // Nothing is asked for ahead of the reader.
    { highWaterMark: 0 }
  )
  return {
    respond(_, signal) {
      signal.addEventListener("abort", () => {
        controller.error(signal.reason)
        left.resolve()
      })
      return new Response(body, { status, headers: { "content-type": contentType } })
    },
    wanted: () => wanted.promise,
    reads: () => reads,
    give(text) {
      wanted = Promise.withResolvers()
      controller.enqueue(new TextEncoder().encode(text))
    },
    end: () => controller.close(),
    left: left.promise
  }
}
