/**
 * A TCP server that records what a client really sends and answers with the very bytes that a test writes, so that a
 * response can be cut, stalled or reset at any point.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { once } from "node:events"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Certificate } from "./certificates.ts"

/** What a client sent, verbatim; header names in lower case. */
export interface RawRequest {
  readonly method: string
  readonly target: string
  readonly headers: { readonly [name: string]: string }
  readonly body: string
}

/** One request and the connection that it came on. */
export interface Exchange {
  readonly request: RawRequest
  /** Sends bytes as they are. Resolves once the connection took them, or is closed. */
  readonly write: (bytes: string | Uint8Array) => Promise<void>
  /** Closes the connection in an orderly way (FIN). */
  readonly end: () => void
  /** Cuts the connection (RST). */
  readonly reset: () => void
  /** Resolves when the connection is closed, whoever closed it. */
  readonly closed: Promise<void>
}

/** Answers the request with this index, counted from 0. */
export type Script = (exchange: Exchange, index: number) => unknown

export interface RawServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`, or with `https`. */
  readonly url: string
  readonly requests: ReadonlyArray<RawRequest>
  readonly openConnections: () => number
  /** Resolves when the request with this index, counted from 0, is there. */
  readonly received: (index?: number) => Promise<Exchange>
}

/**
 * Starts a server on a free port, one that speaks TLS where it is given a certificate. Dispose of it to close it with
 * all its connections.
 */
export const startRawServer = async (script: Script = () => {}, certificate?: Certificate): Promise<RawServer> => {
  const sockets = new Set<Net.Socket>()
  const requests: Array<RawRequest> = []
  const arrivals: Array<PromiseWithResolvers<Exchange>> = []
  const arrival = (index: number) => (arrivals[index] ??= Promise.withResolvers())

  const connected = (socket: Net.Socket) => {
    const closed = Promise.withResolvers<void>()
    let unread = Buffer.alloc(0)
    sockets.add(socket)
    socket.setNoDelay(true)
    // A connection that the client cuts is an error to Node, and to a test what it waits for: `closed`.
    socket.on("error", () => {})
    socket.on("close", () => {
      sockets.delete(socket)
      closed.resolve()
    })
    socket.on("data", (data) => {
      unread = Buffer.concat([unread, data])
      // A TLS handshake, say: what servers do with it.
      if (!isLetter(unread[0])) socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")
      for (let parsed = parseRequest(unread); parsed !== undefined; parsed = parseRequest(unread)) {
        unread = unread.subarray(parsed.length)
        const exchange = makeExchange(socket, parsed.request, closed.promise)
        const index = requests.push(parsed.request) - 1
        arrival(index).resolve(exchange)
        script(exchange, index)
      }
    })
  }
  const server = certificate === undefined ? Net.createServer(connected) : Tls.createServer(certificate, connected)
  server.listen(0, "127.0.0.1")
  await once(server, "listening")

  return {
    url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as Net.AddressInfo).port}`,
    requests,
    openConnections: () => sockets.size,
    received: (index = 0) => arrival(index).promise,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close")
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    }
  }
}

/** {@link startRawServer} for as long as the scope is open. */
export const rawServer = (script?: Script, certificate?: Certificate): Effect.Effect<RawServer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => startRawServer(script, certificate)),
    (server) => Effect.promise(() => server[Symbol.asyncDispose]())
  )

const makeExchange = (socket: Net.Socket, request: RawRequest, closed: Promise<void>): Exchange => ({
  request,
  closed,
  write: (bytes) => Promise.race([closed, new Promise<void>((resolve) => socket.write(bytes, () => resolve()))]),
  end: () => socket.end(),
  reset: () => socket.resetAndDestroy()
})

const isLetter = (byte = 65): boolean => byte >= 65 && byte <= 90

/** The first request in the bytes and how long it is, `undefined` while it is not whole. */
const parseRequest = (bytes: Buffer): { readonly request: RawRequest; readonly length: number } | undefined => {
  const headEnd = bytes.indexOf("\r\n\r\n")
  if (headEnd === -1) return undefined
  const [requestLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n")
  const [method = "", target = ""] = requestLine.split(" ")
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()])
  )
  const length = headEnd + 4 + Number(headers["content-length"] ?? 0)
  if (bytes.length < length) return undefined
  return { request: { method, target, headers, body: bytes.toString("utf8", headEnd + 4, length) }, length }
}
