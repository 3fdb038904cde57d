import { describe, expect, it } from "@effect/vitest"
import { ChatOperations } from "@weavai/effect"
import { UndiciHttpClient } from "@weavai/undici"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import * as HttpClient from "effect/http/HttpClient"
import { rawServer } from "../support/rawServer.ts"
import { json, response } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"
import { viaUndici } from "./support.ts"

/** A tracer that keeps its spans. */
const recorder = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span(options) {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

const traceHeadersOf = (headers: object) => Object.keys(headers).filter((name) => /^(b3|traceparent)$/.test(name))

describe("tracing", () => {
  it.effect("a request is a span of its own", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      const server = yield* rawServer(({ write }) => write(response("gone", { status: 410 })))
      yield* HttpClient.get(`${server.url}/path`).pipe(
        Effect.provide(UndiciHttpClient.layer()),
        Effect.provideService(Tracer.Tracer, tracer)
      )
      expect(spans.map(({ kind, name }) => ({ kind, name }))).toEqual([{ kind: "client", name: "GET" }])
      expect(Object.fromEntries(spans[0]!.attributes)).toMatchObject({
        "http.request.method": "GET",
        "http.response.status_code": 410,
        "url.path": "/path",
        "server.address": "127.0.0.1"
      })
      expect(spans[0]!.status._tag).toBe("Ended")
      expect(server.requests[0]!.headers["traceparent"]).toContain(spans[0]!.spanId)
    })
  )

  it.effect("an operation's request is a span inside the operation's, and is passed on", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      const server = yield* rawServer(({ write }) => write(json(wire.chatResponse)))
      yield* ChatOperations.chat(wire.question).pipe(
        Effect.provide(viaUndici(server)),
        Effect.provideService(Tracer.Tracer, tracer)
      )
      expect(spans.map(({ name }) => name)).toEqual(["ChatOperations.chat", "POST"])
      expect(traceHeadersOf(server.requests[0]!.headers).toSorted()).toEqual(["b3", "traceparent"])
    })
  )

  it.effect("is not passed on where propagation is off", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      const server = yield* rawServer(({ write }) => write(json(wire.chatResponse)))
      yield* ChatOperations.chat(wire.question).pipe(
        Effect.provide(viaUndici(server)),
        Effect.provideService(Tracer.Tracer, tracer),
        Effect.provideService(HttpClient.TracerPropagationEnabled, false)
      )
      expect(spans.map(({ name }) => name)).toEqual(["ChatOperations.chat", "POST"])
      expect(traceHeadersOf(server.requests[0]!.headers)).toEqual([])
    })
  )

  it.effect("without a tracer nothing is passed on", () =>
    Effect.gen(function* () {
      const server = yield* rawServer(({ write }) => write(json(wire.chatResponse)))
      yield* ChatOperations.chat(wire.question).pipe(Effect.provide(viaUndici(server)))
      expect(traceHeadersOf(server.requests[0]!.headers)).toEqual([])
    })
  )
})
