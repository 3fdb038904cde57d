/**
 * The underwriting service, on port 3000 of this machine or on the one that `PORT` names. `WEAV_ENV` and
 * `WEAV_AUTH_TOKEN` say which chat service it asks.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { RequestLimit, WeavConfig } from "@weavai/effect"
import { Config, Layer } from "effect"
import { FetchHttpClient, HttpRouter } from "effect/http"
import { createServer } from "node:http"
import { Underwriting } from "./Underwriting.ts"
import { routes } from "./UnderwritingApi.ts"

/** Waiting for a turn is part of a call. */
const config = WeavConfig.layerConfig({ timeouts: { total: "30 minutes" } })

/** One limit for all submissions, however many are reviewed at a time. */
const client = RequestLimit.layer({ maxInFlight: 8, perSecond: 20, burst: 8 }).pipe(
  Layer.provide(FetchHttpClient.layer)
)

const server = NodeHttpServer.layerConfig(createServer, {
  port: Config.Int("PORT").pipe(Config.withDefault(3000)),
  host: Config.succeed("127.0.0.1")
})

HttpRouter.serve(routes).pipe(
  Layer.provide(Underwriting.layer),
  Layer.provide([config, client, server]),
  Layer.launch,
  NodeRuntime.runMain
)
