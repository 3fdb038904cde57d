import { ApiError, ChatOperations } from "@weavai/effect"
import { UndiciHttpClient } from "@weavai/undici"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { setImmediate } from "node:timers/promises"
import { clientFor, failureOf } from "../support/client.ts"
import { type Exchange, rawServer } from "../support/rawServer.ts"
import { chunk, head } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

const mebibyte = 1024 * 1024

/** A body of 1 GiB, chunked, for as long as the client takes it. Returns how much was taken. */
const sendGibibyte = async ({ closed, write }: Exchange, status: number): Promise<number> => {
  const isClosed = closed.then(() => true)
  await write(head({ "content-type": "application/json", "transfer-encoding": "chunked" }, status) + chunk('{"text":"'))
  const piece = chunk("x".repeat(mebibyte))
  for (let sent = 0; sent < 1024; sent++) {
    await write(piece)
    // The news that the connection is closed needs a turn of its own.
    if (await Promise.race([isClosed, setImmediate(false)])) return sent * mebibyte
  }
  return 1024 * mebibyte
}

const clients = { fetch: FetchHttpClient.layer, undici: Layer.orDie(UndiciHttpClient.layer()) }

for (const [name, client] of Object.entries(clients)) {
  for (const status of [200, 500]) {
    it.live(`${name}: a body of 1 GiB with status ${status} is left at the limit`, () =>
      Effect.gen(function* () {
        const taken = Promise.withResolvers<number>()
        const server = yield* rawServer((exchange) => sendGibibyte(exchange, status).then(taken.resolve))
        const error = yield* failureOf(ChatOperations.getChatHistory({ chatId: "c" })).pipe(
          Effect.provide(client),
          Effect.provide(clientFor(server, { maxBodyLength: 4 * mebibyte }))
        )
        if (status === 200) {
          expect(error).toMatchObject({
            _tag: "InvalidResponse",
            description: "the body is longer than 4194304 bytes: ask for less at a time, or raise maxBodyLength"
          })
        } else expect(error).toMatchObject({ _tag: "ServerError", status: 500 })
        expect(JSON.stringify(error).length).toBeLessThan(3000)
        // What the sockets hold on both sides is beyond the client's control.
        expect(yield* Effect.promise(() => taken.promise)).toBeLessThan(64 * mebibyte)
      })
    )
  }

  it.live(`${name}: a body as long as the limit is read, one byte more is not`, () =>
    Effect.gen(function* () {
      const body = JSON.stringify(wire.chatHistory)
      const bytes = Buffer.byteLength(body)
      const server = yield* rawServer(({ write }) =>
        write(`${head({ "content-type": "application/json", "transfer-encoding": "chunked" })}${chunk(body)}0\r\n\r\n`)
      )
      const history = (maxBodyLength: number) =>
        ChatOperations.getChatHistory({ chatId: "c" }, { maxBodyLength }).pipe(
          Effect.provide(client),
          Effect.provide(clientFor(server))
        )
      expect((yield* history(bytes)).messages.length).toBeGreaterThan(0)
      expect(yield* Effect.flip(history(bytes - 1))).toBeInstanceOf(ApiError)
    })
  )
}
