/**
 * `@weavai/local` on a database file, with faults of every kind. Asked for anything, it tells its memory.
 */
import { type FaultRule, LocalServer } from "@weavai/local"
import * as Effect from "effect/Effect"
import { serveAt } from "../service.ts"
import { sampleMemory } from "./memory.ts"

const [, , data, document] = process.argv

const faults: ReadonlyArray<FaultRule> = [
  { latency: "50 millis", upTo: "1 second" },
  { probability: 0.03, status: 429, retryAfter: "1 second" },
  // Longer than the SDK waits: comes back at once.
  { probability: 0.005, status: 429, retryAfter: "2 minutes" },
  { probability: 0.03, status: 503, retryAfter: "0 seconds" },
  { probability: 0.01, status: 500 },
  { probability: 0.01, status: 502 },
  { probability: 0.01, cut: "beforeProcessing" },
  { probability: 0.01, cut: "beforeHeaders" },
  { probability: 0.01, cut: "insideBody" },
  { probability: 0.03, cut: { afterPieces: 3 } },
  { probability: 0.005, stall: "beforeProcessing" },
  { probability: 0.005, stall: "beforeHeaders" },
  { probability: 0.005, stall: "insideBody" },
  { probability: 0.01, stall: { afterPieces: 3 } }
]

const serve = Effect.gen(function* () {
  const { url } = yield* LocalServer
  process.on("message", () => process.send!(sampleMemory()))
  serveAt(url)
  return yield* Effect.never
})

await serve.pipe(
  Effect.provide(LocalServer.layer({ port: 0, data, documents: [document!], faults })),
  Effect.runPromise
)
