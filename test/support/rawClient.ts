/**
 * A TCP client that sends the very bytes that a test writes, whether they are HTTP or not.
 */
import * as Net from "node:net"

/** A connection to the server at a URL, and what came back on it. */
export interface RawConnection {
  readonly socket: Net.Socket
  /** Resolves with all that was received when the connection is closed, whoever closed it and however. */
  readonly closed: Promise<string>
}

export const connect = (url: string, bytes: string | Uint8Array = ""): RawConnection => {
  const { hostname, port } = new URL(url)
  const socket = Net.connect(Number(port), hostname)
  let received = ""
  socket.setEncoding("latin1").on("data", (text) => (received += text))
  const closed = new Promise<string>((resolve) => {
    // A reset is one of the ways in which a server may end it.
    socket.on("error", () => {}).on("close", () => resolve(received))
  })
  if (bytes.length > 0) socket.write(bytes)
  return { socket, closed }
}

/** A response, taken apart. */
export interface RawResponse {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends the bytes and reads to the end of the connection, which the server has to bring about. */
export const exchange = async (url: string, bytes: string | Uint8Array): Promise<RawResponse> =>
  parseResponse(await connect(url, bytes).closed)

/** The last response in what was received; its status is 0 if there is none. */
export const parseResponse = (received: string): RawResponse => {
  const text = received.slice(Math.max(0, received.lastIndexOf("HTTP/1.1 ")))
  const [head = "", body = ""] = text.split("\r\n\r\n", 2)
  return { status: Number(head.split(" ")[1] ?? 0), head, body }
}
