/**
 * Node's HTTP server, with limits on what a connection may take, and words for what is refused before it is a request.
 */
import { createServer, type Server, type ServerResponse, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"

export interface NodeServer {
  readonly server: Server
  /** Closes the connections on which no request is being answered. */
  readonly closeUnused: () => void
}

/** Bytes of a request's first line and headers together. */
const maxHeaderSize = 16_384

/**
 * Makes a server that gives a request `requestTimeout` milliseconds to arrive: from its first byte on, and a connection's first one from
 * the connection on.
 */
export const makeNodeServer = (requestTimeout: number): NodeServer => {
  const server = createServer({
    maxHeaderSize,
    requestTimeout,
    headersTimeout: requestTimeout,
    connectionsCheckingInterval: Math.min(requestTimeout, 1_000),
    keepAliveTimeout: 5_000,
    // What asks for another protocol is answered in this one; Node would take the connection out of all limits.
    shouldUpgradeCallback: () => false
  })
  const connections = new Set<Socket>()
  const latest = new WeakMap<Duplex, ServerResponse>()
  const closeUnused = () => {
    for (const socket of connections) if (latest.get(socket)?.writableFinished !== false) socket.destroySoon()
  }
  server.on("connection", (socket) => {
    connections.add(socket)
    socket.on("close", () => connections.delete(socket))
  })
  for (const event of ["request", "checkContinue"] as const) {
    server.on(event, ({ socket }, response) => {
      latest.set(socket, response)
      response.on("close", () => {
        if (!server.listening) closeUnused()
      })
    })
  }
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const response = latest.get(socket)
    const isAnswering = response?.headersSent === true && !response.writableFinished
    if (isAnswering || !socket.writable) socket.destroy()
    else socket.end(refusal(error, requestTimeout), () => socket.destroy())
  })
  return { server, closeUnused }
}

const refusal = (error: NodeJS.ErrnoException, requestTimeout: number): string => {
  const [status, detail] = faultOf(error, requestTimeout)
  const body = JSON.stringify({ detail })
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body
  ].join("\r\n")
}

const faultOf = (
  { code, message }: NodeJS.ErrnoException,
  requestTimeout: number
): [status: number, detail: string] => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return [431, `The first line and the headers of the request are longer than ${maxHeaderSize} bytes`]
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return [413, "The extensions of a chunk of the body are too long"]
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return [408, `The request did not arrive within ${requestTimeout / 1_000} seconds`]
    default:
      return [400, `The request is no HTTP/1.1: ${message}`]
  }
}
