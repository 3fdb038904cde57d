/**
 * A handler of web requests behind a server of `node:http`. Frameworks bring this along.
 */
import type { RequestListener } from "node:http"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

/** The request's `signal` is aborted and the response's body is cancelled when the client leaves. */
export const nodeListener =
  (handle: (request: Request) => Promise<Response>): RequestListener =>
  async (incoming, outgoing) => {
    const left = new AbortController()
    outgoing.once("close", () => left.abort())
    const { headers, method = "GET" } = incoming
    const hasBody = method !== "GET" && method !== "HEAD"
    try {
      const init = {
        method,
        headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
        signal: left.signal,
        body: hasBody ? (Readable.toWeb(incoming) as ReadableStream) : null,
        duplex: "half"
      }
      const request = new Request(new URL(incoming.url ?? "/", "http://localhost"), init)
      const response = await handle(request)
      outgoing.setHeaders(response.headers).writeHead(response.status)
      if (response.body === null) outgoing.end()
      else await pipeline(response.body, outgoing)
    } catch (error) {
      // A client that leaves is none of the server's errors.
      if (!left.signal.aborted) console.error(error)
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(500).end()
    }
  }
