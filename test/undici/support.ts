/**
 * The SDK and the servers that this package's tests need.
 */
import { WeavConfig, type WeavConfigOptions } from "@weavai/effect"
import { UndiciHttpClient } from "@weavai/undici"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { token } from "../support/client.ts"

/** What the SDK's operations need to call a service by way of undici. */
export const viaUndici = (
  { url }: { readonly url: string },
  options?: Partial<WeavConfigOptions>,
  connections?: UndiciHttpClient.Options
) =>
  Layer.orDie(
    Layer.mergeAll(
      WeavConfig.layer({ env: url, authToken: Redacted.make(token), retry: false, ...options }),
      UndiciHttpClient.layer(connections)
    )
  )

/** Node's own server, for requests that have no declared length. Resolves to its URL. */
export const httpServer = (handler: Http.RequestListener): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = Http.createServer(handler).listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) =>
      Effect.promise(async () => {
        const closed = once(server, "close")
        server.close()
        server.closeAllConnections()
        await closed
      })
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`))
