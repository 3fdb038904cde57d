import { describe, expect, it } from "@effect/vitest"
import { UndiciHttpClient } from "@weavai/undici"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import { setImmediate } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { type Exchange, rawServer, type Script } from "../support/rawServer.ts"
import { head, response } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"

expectNoUnhandledRejections()

const ok: Script = ({ write }) => write(response("ok"))

/** More than is received ahead of a reader. */
const big = "x".repeat(1_000_000)

const getText = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

/** Yields what happens on the other side. */
const until = <A>(promise: Promise<A>) => Effect.promise(() => promise)

/** Counts the connections on which requests come in. */
const connectionsOf = (exchanges: ReadonlyArray<Exchange>) => new Set(exchanges.map(({ closed }) => closed)).size

describe("connections", () => {
  it.effect("one is enough for call after call", () =>
    Effect.gen(function* () {
      const exchanges: Array<Exchange> = []
      const server = yield* rawServer((exchange) => {
        exchanges.push(exchange)
        return ok(exchange, 0)
      })
      yield* Effect.repeat(getText(server.url), { times: 49 }).pipe(Effect.provide(UndiciHttpClient.layer()))
      expect(exchanges.length).toBe(50)
      expect(connectionsOf(exchanges)).toBe(1)
    })
  )

  it.effect("are shared by as many requests as are under way", () =>
    Effect.gen(function* () {
      const exchanges: Array<Exchange> = []
      const server = yield* rawServer((exchange) => {
        exchanges.push(exchange)
        return ok(exchange, 0)
      })
      yield* Effect.forEach(Array.from({ length: 8 }), () => Effect.repeat(getText(server.url), { times: 19 }), {
        concurrency: "unbounded"
      }).pipe(Effect.provide(UndiciHttpClient.layer()))
      expect(exchanges.length).toBe(160)
      expect(connectionsOf(exchanges)).toBe(8)
    })
  )

  it.effect("are no more than the limit; what is beyond it waits", () =>
    Effect.gen(function* () {
      const server = yield* rawServer()
      yield* Effect.gen(function* () {
        const calls = yield* Effect.forkChild(
          Effect.all([getText(server.url), getText(server.url), getText(server.url)], { concurrency: "unbounded" })
        )
        const first = yield* until(server.received(0))
        const second = yield* until(server.received(1))
        yield* until(setImmediate())
        expect(server.requests.length).toBe(2)
        yield* until(first.write(response("1")))
        const third = yield* until(server.received(2))
        expect(server.openConnections()).toBe(2)
        yield* until(second.write(response("2")))
        yield* until(third.write(response("3")))
        expect((yield* Fiber.join(calls)).toSorted()).toEqual(["1", "2", "3"])
      }).pipe(Effect.provide(UndiciHttpClient.layer({ connections: 2 })))
    })
  )

  it.effect("one that the server closed between calls is replaced", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(ok)
      yield* Effect.gen(function* () {
        for (const index of [0, 1, 2]) {
          expect(yield* getText(server.url)).toBe("ok")
          const { closed, end } = yield* until(server.received(index))
          end()
          yield* until(closed)
        }
      }).pipe(Effect.provide(UndiciHttpClient.layer({ connections: 1 })))
    })
  )

  it.effect("are closed with the layer's scope", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(ok)
      yield* getText(server.url).pipe(Effect.provide(UndiciHttpClient.layer()))
      const { closed } = yield* until(server.received())
      yield* until(closed)
    })
  )

  it.effect("are closed with the layer's scope once the requests under way have ended", () =>
    Effect.gen(function* () {
      const server = yield* rawServer()
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(UndiciHttpClient.layer(), scope)
      const call = yield* getText(server.url).pipe(Effect.provide(services), Effect.forkChild)
      const { closed, write } = yield* until(server.received())

      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* until(setImmediate())
      const late = yield* getText(server.url).pipe(Effect.provide(services), Effect.flip)
      expect(late).toMatchObject({ reason: { _tag: "TransportError", cause: { code: "UND_ERR_CLOSED" } } })

      yield* until(write(response("ok")))
      expect(yield* Fiber.join(call)).toBe("ok")
      yield* Fiber.join(closing)
      yield* until(closed)
    })
  )

  it.effect("each layer has its own", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(ok)
      yield* getText(server.url).pipe(
        Effect.andThen(Effect.provide(getText(server.url), UndiciHttpClient.layer())),
        Effect.provide(UndiciHttpClient.layer())
      )
      const first = yield* until(server.received(0))
      const second = yield* until(server.received(1))
      expect(first.closed).not.toBe(second.closed)
    })
  )
})

describe("interruption closes the connection", () => {
  /** Sends a request, interrupts what is made of its response once that waits, and sees its connection closed. */
  const interrupted = Effect.fnUntraced(function* (
    read: (response: HttpClientResponse) => Effect.Effect<unknown, unknown>
  ) {
    const server = yield* rawServer(({ write }) => write(head({ "content-length": "100" }) + "begun"))
    yield* Effect.gen(function* () {
      const response = yield* HttpClient.get(server.url)
      const reading = yield* Effect.forkChild(read(response), { startImmediately: true })
      yield* until(setImmediate())
      yield* Fiber.interrupt(reading)
      const { closed } = yield* until(server.received())
      yield* until(closed)
    }).pipe(Effect.provide(UndiciHttpClient.layer()))
  })

  it.effect("before the headers", () =>
    Effect.gen(function* () {
      const server = yield* rawServer()
      yield* Effect.gen(function* () {
        const call = yield* Effect.forkChild(HttpClient.get(server.url))
        const { closed } = yield* until(server.received())
        yield* Fiber.interrupt(call)
        yield* until(closed)
      }).pipe(Effect.provide(UndiciHttpClient.layer()))
    })
  )

  it.effect("inside the body, read whole", () => interrupted(({ text }) => text))

  it.effect("inside the body, read as a stream", () => interrupted(({ stream }) => Stream.runDrain(stream)))

  it.effect("while it waits for a connection, and does not send the request", () =>
    Effect.gen(function* () {
      const server = yield* rawServer()
      yield* Effect.gen(function* () {
        const first = yield* Effect.forkChild(getText(`${server.url}/first`))
        const { write } = yield* until(server.received())
        const second = yield* Effect.forkChild(getText(`${server.url}/second`))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(second)
        const third = yield* Effect.forkChild(getText(`${server.url}/third`))
        yield* until(write(response("ok")))
        yield* Fiber.join(first)
        const next = yield* until(server.received(1))
        yield* until(next.write(response("ok")))
        yield* Fiber.join(third)
      }).pipe(Effect.provide(UndiciHttpClient.layer({ connections: 1 })))
      expect(server.requests.map(({ target }) => target)).toEqual(["/first", "/third"])
    })
  )

  it.effect("of a request that is bound to a scope, when the scope closes", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(head({ "content-length": "100" }) + "begun"))
      yield* Effect.gen(function* () {
        const client = HttpClient.withScope(yield* HttpClient.HttpClient)
        const { status } = yield* Effect.scoped(client.get(server.url))
        expect(status).toBe(200)
        const { closed } = yield* until(server.received())
        yield* until(closed)
      }).pipe(Effect.provide(UndiciHttpClient.layer()))
    })
  )
})

describe("a body that is not read", () => {
  it.effect("does not keep its connection if it is small", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(ok)
      yield* Effect.repeat(HttpClient.get(server.url), { times: 19 }).pipe(
        Effect.provide(UndiciHttpClient.layer({ connections: 1 }))
      )
      expect(server.requests.length).toBe(20)
    })
  )

  it.effect("gives its connection back when the stream is left early", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(response(big)))
      yield* Effect.repeat(
        Effect.flatMap(HttpClient.get(server.url), ({ stream }) => Stream.runHead(stream)),
        { times: 4 }
      ).pipe(Effect.provide(UndiciHttpClient.layer({ connections: 1 })))
      expect(server.requests.length).toBe(5)
    })
  )

  it.effect("gives its connection back when a stream bound to a scope is left before the scope closes", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(response(big)))
      yield* Effect.gen(function* () {
        const client = HttpClient.withScope(yield* HttpClient.HttpClient)
        const { stream } = yield* client.get(server.url)
        yield* Stream.runHead(stream)
        const { closed } = yield* until(server.received())
        yield* until(closed)
      }).pipe(Effect.provide(UndiciHttpClient.layer()))
    })
  )

  it.effect("gives its connection back when nobody knows its response any more", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(response(big)))
      yield* Effect.gen(function* () {
        yield* HttpClient.get(server.url)
        while (server.openConnections() > 0) {
          collectGarbage()
          yield* until(setImmediate())
        }
      }).pipe(Effect.provide(UndiciHttpClient.layer()))
    })
  )

  it.effect("gives its connection back when the redirect that it came with is followed", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ request, write }) =>
        write(
          request.target === "/old"
            ? response(big, { status: 302, headers: { location: "/new" } })
            : response("here it is")
        )
      )
      yield* Effect.gen(function* () {
        const client = HttpClient.followRedirects(yield* HttpClient.HttpClient)
        const reply = yield* client.get(`${server.url}/old`)
        expect(yield* reply.text).toBe("here it is")
      }).pipe(Effect.provide(UndiciHttpClient.layer({ connections: 1 })))
    })
  )

  it.live("does not keep the layer from closing for long", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(response(big)))
      const kept = yield* HttpClient.get(server.url).pipe(Effect.provide(UndiciHttpClient.layer()))
      const { closed } = yield* until(server.received())
      yield* until(closed)
      expect(yield* Effect.flip(kept.text)).toMatchObject({ reason: { _tag: "DecodeError" } })
    })
  )
})

describe("back-pressure", () => {
  it.effect("the server waits for whoever reads a stream", () =>
    Effect.gen(function* () {
      const total = 64 * 1024 * 1024
      const chunk = Buffer.alloc(1024 * 1024)
      let sent = 0
      const server = yield* rawServer(async ({ write }) => {
        await write(head({ "content-length": `${total}` }))
        for (; sent < total; sent += chunk.length) await write(chunk)
      })
      const isHeld = yield* Deferred.make<void>()
      const first = yield* Deferred.make<void>()
      yield* Effect.gen(function* () {
        const reading = yield* Effect.flatMap(HttpClient.get(server.url), ({ stream }) =>
          stream.pipe(
            Stream.tap(() => Effect.andThen(Deferred.succeed(first, undefined), Deferred.await(isHeld))),
            Stream.runFold(
              () => 0,
              (size, bytes) => size + bytes.length
            )
          )
        ).pipe(Effect.forkChild)
        yield* Deferred.await(first)
        // What the system's buffers take is taken once the server no longer gets on.
        let before = -1
        while (before < sent) {
          before = sent
          for (let turn = 0; turn < 1000; turn++) yield* until(setImmediate())
        }
        expect(sent).toBeLessThan(total / 2)
        yield* Deferred.succeed(isHeld, undefined)
        expect(yield* Fiber.join(reading)).toBe(total)
      }).pipe(Effect.provide(UndiciHttpClient.layer()))
    })
  )
})

describe("options", () => {
  it.effect.each<[UndiciHttpClient.Options, string]>([
    [{ connections: 0 }, "connections must be an integer of 1 or more, got 0."],
    [{ connections: 1.5 }, "connections must be an integer of 1 or more, got 1.5."],
    [{ keepAlive: 0 }, 'keepAlive must be a duration above zero such as "10 seconds", got 0.'],
    [
      { connectTimeout: "soon" as never },
      'connectTimeout must be a duration above zero such as "10 seconds", got soon.'
    ]
  ])("%j is refused", ([options, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(UndiciHttpClient.layer(options))))
      expect(error).toMatchObject({ _tag: "UndiciOptionError", message })
    })
  )

  it.live("an idle connection is closed after keepAlive", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(ok)
      yield* Effect.gen(function* () {
        yield* getText(server.url)
        const { closed } = yield* until(server.received())
        yield* until(closed)
      }).pipe(Effect.provide(UndiciHttpClient.layer({ keepAlive: "20 millis" })))
    })
  )
})
