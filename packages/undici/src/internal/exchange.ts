/**
 * One request and the head of its response, by way of undici's `dispatch`.
 */
import * as Effect from "effect/Effect"
import { type Dispatcher, errors } from "undici"
import { nextTurn } from "./nextTurn.ts"
import { ResponseBody } from "./ResponseBody.ts"

/** A response whose headers are here. Names are in lower case; what was sent more than once is a list. */
export interface Head {
  readonly status: number
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
  readonly body: ResponseBody
}

/** Sends a request and waits for the response's headers. Interruption aborts it; from the headers on, the signal does. */
export const exchange = (
  dispatcher: Dispatcher,
  signal: AbortSignal,
  options: Dispatcher.DispatchOptions
): Effect.Effect<Head, unknown> =>
  Effect.callback((resume) => {
    let controller: Dispatcher.DispatchController | undefined
    let body: ResponseBody | undefined
    let aborted: Error | undefined

    dispatcher.dispatch(options, {
      onRequestStart(started) {
        controller = started
        // It may have waited for a connection longer than it was wanted.
        if (aborted !== undefined) controller.abort(aborted)
      },
      onResponseStart(controller, status, headers) {
        if (status < 200) return
        const received = (body = new ResponseBody(controller, headers["content-encoding"]?.toString()))
        nextTurn(() => {
          // A small response is complete by now, and does without a listener: with one, all that it knows lives until
          // the next full garbage collection, which costs 10 µs a call.
          if (!received.isComplete) abortWith(signal, received)
          resume(Effect.succeed({ status, headers, body: received }))
        })
      },
      onResponseData: (_, chunk) => body!.receive(chunk as Buffer<ArrayBuffer>),
      onResponseEnd: () => body!.end(),
      onResponseError(_, error) {
        if (body === undefined) nextTurn(() => resume(Effect.fail(error)))
        else body.fail(error)
      }
    })
    return Effect.sync(() => {
      aborted = new errors.RequestAbortedError()
      controller?.abort(aborted)
    })
  })

const abortWith = (signal: AbortSignal, body: ResponseBody): void => {
  if (signal.aborted) return body.abort()
  signal.addEventListener("abort", () => body.abort(), { once: true })
}
