/**
 * HTTP/1.1 responses, as the bytes that a `rawServer` writes.
 */

export interface ResponseInit {
  readonly status?: number
  readonly headers?: { readonly [name: string]: string }
}

/** The head alone; the body is up to the test. */
export const head = (headers: ResponseInit["headers"] = {}, status = 200): string =>
  `HTTP/1.1 ${status} Any\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n`

/** A whole response with its length declared. */
export const response = (body: string, { headers, status = 200 }: ResponseInit = {}): string =>
  status === 204
    ? head(headers, status)
    : head({ "content-length": `${Buffer.byteLength(body)}`, ...headers }, status) + body

/** A whole response with a JSON body. */
export const json = (value: unknown, { headers, status }: ResponseInit = {}): string =>
  response(JSON.stringify(value), {
    headers: { "content-type": "application/json", ...headers },
    ...(status !== undefined && { status })
  })

/** The head of an event stream whose body follows in {@link chunk}s. */
export const eventStreamHead = head({ "content-type": "text/event-stream", "transfer-encoding": "chunked" })

/** One chunk of a chunked body. */
export const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

/** The end of a chunked body. */
export const lastChunk = "0\r\n\r\n"

/** One event that carries this message. */
export const event = (message: unknown): string => `data: ${JSON.stringify(message)}\n\n`

/** A whole event stream of these messages. */
export const eventStream = (...messages: ReadonlyArray<unknown>): string =>
  eventStreamHead + messages.map((message) => chunk(event(message))).join("") + lastChunk
