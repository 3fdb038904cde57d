/**
 * All that is said of a call: where a secret might show.
 */
import { ChatError, Telemetry } from "@weavai/effect"
import { vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { deserialize, serialize } from "node:v8"
import { spanRecorder } from "./spans.ts"

/** Every way in which a value may come to be text. */
export const dumpsOf = (value: unknown): ReadonlyArray<string> => [
  String(value),
  JSON.stringify(value) ?? "",
  inspect(value, { depth: Infinity, showHidden: true, getters: true, maxStringLength: Infinity }),
  inspect(structuredClone(value), { depth: Infinity }),
  inspect(deserialize(serialize(value)), { depth: Infinity })
]

/** Every way in which a failure may come to be text. */
export const dumpsOfFailure = (error: ChatError): ReadonlyArray<string> => [
  ...dumpsOf(error),
  error.message,
  error.stack ?? "",
  JSON.stringify(Schema.encodeSync(ChatError)(error)),
  Cause.pretty(Cause.fail(error))
]

/** Hears logs of every level, spans and the console. */
export interface Listener extends Disposable {
  /** Makes an effect heard, and log its failure. */
  readonly to: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** All that was said since the last time. */
  readonly heard: () => ReadonlyArray<string>
}

export const listen = (): Listener => {
  let texts: Array<string> = []
  const { spans, tracer } = spanRecorder()
  const say = (...values: ReadonlyArray<unknown>) => {
    for (const value of values) texts.push(typeof value === "string" ? value : inspect(value, { depth: Infinity }))
  }

  const loggers = [Logger.formatSimple, Logger.formatLogFmt, Logger.formatStructured, Logger.formatJson]
  const observers = Layer.mergeAll(
    Logger.layer([...loggers.map((logger) => Logger.map<unknown, unknown, void>(logger, say)), Logger.tracerLogger]),
    Layer.succeed(References.MinimumLogLevel, "All"),
    Layer.succeed(Tracer.Tracer, tracer),
    Telemetry.layer
  )
  const spies = (["log", "info", "warn", "error", "debug", "trace"] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation(say)
  )

  return {
    to: (effect) =>
      effect.pipe(
        Effect.tapCause((cause) => Effect.logError("the call failed", cause)),
        Effect.provide(observers)
      ),
    heard() {
      // What a span yielded is the caller's own, and told to nobody; what it failed with is.
      for (const { attributes, events, links, name, status } of spans.splice(0)) {
        say(name, attributes, events, links)
        if (status._tag !== "Ended" || status.exit._tag === "Success") continue
        const { cause } = status.exit
        say(cause, JSON.stringify(cause), Cause.pretty(cause), ...Cause.prettyErrors(cause))
      }
      const all = texts
      texts = []
      return all
    },
    [Symbol.dispose]: () => spies.forEach((spy) => spy.mockRestore())
  }
}
