import { describe, expect, it } from "@effect/vitest"
import { ChatOperations, Telemetry } from "@weavai/effect"
import { UndiciHttpClient } from "@weavai/undici"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import * as HttpClient from "effect/http/HttpClient"
import { rawServer } from "../support/rawServer.ts"
import { json, response } from "../support/responses.ts"
import { parentOf, spanRecorder } from "../support/spans.ts"
import * as wire from "../support/wireExamples.ts"
import { viaUndici } from "./support.ts"

const traceHeadersOf = (headers: object) => Object.keys(headers).filter((name) => /^(b3|traceparent)$/.test(name))

describe("tracing", () => {
  it.effect("a request is a span of its own", () =>
    Effect.gen(function* () {
      const { spans, tracer } = spanRecorder()
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

  it.effect.each<[boolean, ReadonlyArray<string>]>([
    [false, []],
    [true, ["b3", "traceparent"]]
  ])(
    "an operation's request is a span inside the operation's, passed on where that is asked for: %s",
    ([asked, names]) =>
      Effect.gen(function* () {
        const { spans, tracer } = spanRecorder()
        const server = yield* rawServer(({ write }) => write(json(wire.chatResponse)))
        yield* ChatOperations.chat(wire.question).pipe(
          Effect.provide([viaUndici(server, { propagateTrace: asked }), Telemetry.layer]),
          Effect.provideService(Tracer.Tracer, tracer)
        )
        expect(spans.map(({ name }) => name)).toEqual(["chat", "POST"])
        expect(parentOf(spans[1])).toBe(spans[0])
        expect(traceHeadersOf(server.requests[0]!.headers).toSorted()).toEqual(names)
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
