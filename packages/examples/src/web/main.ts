/**
 * A web page to ask one document, on port 3000 of this machine or on the one that `PORT` names. `WEAV_ENV` and
 * `WEAV_AUTH_TOKEN` say which chat service it asks, `FILE_ID` about which document.
 */
import { createChatClient } from "@weavai/promise"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { nodeListener } from "./nodeListener.ts"
import { makeAnswerRoute } from "./route.ts"

const { FILE_ID: fileId, PORT: port = "3000" } = process.env
if (fileId === undefined) throw new Error("Set FILE_ID to the id of the document to ask.")

await using client = createChatClient()
const answer = makeAnswerRoute(client, fileId)
const page = await readFile(new URL("page.html", import.meta.url))

const handle = async (request: Request): Promise<Response> => {
  switch (`${request.method} ${new URL(request.url).pathname}`) {
    case "POST /answer":
      return answer(request)
    case "GET /":
      return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } })
    default:
      return new Response("There is no such page.", { status: 404 })
  }
}

const server = createServer(nodeListener(handle)).listen(Number(port), "127.0.0.1")
await once(server, "listening")
console.log(`Open http://127.0.0.1:${(server.address() as AddressInfo).port} in a browser. Stop with Ctrl-C.`)

await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")])
server.close()
