/**
 * The services of the exchange: `service.ts DOCUMENT ORIGIN`. Prints where they are, as one line of JSON, then `cut` for each
 * response whose connection was closed before its end.
 */
import { LocalServer } from "@weavai/local"
import { Effect, Layer } from "effect"
import { subscribe } from "node:diagnostics_channel"
import type { ServerResponse } from "node:http"
import process from "node:process"

subscribe("http.server.request.start", (message) => {
  const { response } = message as { readonly response: ServerResponse }
  response.once("close", () => {
    if (!response.writableFinished) console.log("cut")
  })
})

const [document, origin] = process.argv.slice(2) as [string, string]
const options = { port: 0, documents: [document], cors: [origin] }

const program = Effect.gen(function* () {
  const { url, documents } = yield* LocalServer
  const { url: stallingUrl } = yield* LocalServer.pipe(
    Effect.provide(yield* Layer.build(LocalServer.layer({ ...options, pieceDelay: "1 day" })))
  )
  console.log(JSON.stringify({ url, stallingUrl, fileId: documents[0]!.fileId }))
  return yield* Effect.never
})

await Effect.runPromise(program.pipe(Effect.provide(LocalServer.layer(options)), Effect.scoped))
