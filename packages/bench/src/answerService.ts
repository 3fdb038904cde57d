/**
 * A service that does as little as one can: under `/stream` it streams a feed, under `/gigabyte` a gigabyte of one, and
 * elsewhere it gives the one answer.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { answer } from "./answer.ts"
import { chunked, feedAt } from "./feeds.ts"
import { gigabyte } from "./gigabyte.ts"
import { serveAt } from "./service.ts"

const json = { "content-type": "application/json", "content-length": answer.length }

const server = createServer((request, response) => {
  const url = request.url!
  request.resume()
  if (!/^\/(stream|gigabyte)\//.test(url)) {
    response.writeHead(200, json).end(answer)
    return
  }
  const chunks = url.startsWith("/stream/") ? chunked(feedAt(url), 16 * 1024) : gigabyte()
  response.writeHead(200, { "content-type": "text/event-stream" })
  Readable.from(chunks).pipe(response)
})

// The clients take turns: a connection may be idle for longer than a server usually waits.
server.keepAliveTimeout = 0
server.listen(0, "127.0.0.1", () => serveAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
