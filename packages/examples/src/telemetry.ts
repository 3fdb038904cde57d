/**
 * What a program's calls tell of themselves: asks the sample policy a question twice, the second time streamed from a
 * service that is busy at first, and prints the trace, the logs and the metrics that come of it.
 *
 *     telemetry
 *     telemetry -- "QUESTION"
 *
 * A tracer that prints stands here for one that exports, such as `effect/observability`'s `Otlp`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ChatOperations, Telemetry, WeavConfig } from "@weavai/effect"
import { LocalServer } from "@weavai/local"
import { Console, Effect, Layer, Logger, Metric, Option, Redacted, References, Stream, Tracer } from "effect"
import { FetchHttpClient } from "effect/http"
import { fileURLToPath } from "node:url"
import { styleText } from "node:util"

const samplePolicy = fileURLToPath(new URL("../documents/commercial-property-policy.md", import.meta.url))

const ask = Effect.fn("ask the policy")(function* (userInput: string) {
  const { documents } = yield* LocalServer
  const question = { userInput, chatId: "telemetry", fileId: documents[0]!.fileId }
  yield* ChatOperations.chat(question)
  yield* Stream.runDrain(ChatOperations.streamChat(question))
})

const program = Effect.fnUntraced(function* (question: string) {
  const { spans, tracer } = recorder()
  yield* Console.log(heading("Logs"))
  yield* ask(question).pipe(
    Effect.provide([Telemetry.layer, Logger.layer([Logger.consoleLogFmt])]),
    Effect.provideService(References.MinimumLogLevel, "Debug"),
    Effect.provideService(Tracer.Tracer, tracer)
  )
  yield* Console.log(`\n${heading("Trace")}  ${spans[0]!.traceId}\n${tree(spans)}`)
  yield* Console.log(`\n${heading("Metrics")}\n${(yield* Metric.snapshot).map(metricLine).join("\n")}`)
})

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

/** The spans below one, or those below none, as indented lines. */
const tree = (spans: ReadonlyArray<Tracer.NativeSpan>, parent?: Tracer.AnySpan, indent = "  "): string =>
  spans
    .filter((span) => Option.getOrUndefined(span.parent) === parent)
    .flatMap((span) => [
      `${indent}${styleText("bold", span.name)}  ${span.kind}, ${duration(span)}`,
      ...Array.from(span.attributes, ([name, value]) => `${indent}  ${styleText("dim", name)} ${value}`),
      ...span.events.map(([name, time, attributes]) =>
        `${indent}  ${millis(time - span.startTime)} ${name} ${named(attributes)}`.trimEnd()
      ),
      tree(spans, span, `${indent}    `)
    ])
    .filter((line) => line !== "")
    .join("\n")

const duration = ({ startTime, status }: Tracer.NativeSpan): string =>
  status._tag === "Ended" ? millis(status.endTime - startTime) : "not ended"

const millis = (nanos: bigint): string => `${(Number(nanos) / 1e6).toFixed(1)} ms`

const metricLine = ({ attributes = {}, id, state }: Metric.Metric.Snapshot): string => {
  const value =
    "sum" in state ? `${state.count} × ${(state.sum / state.count).toFixed(3)}` : "count" in state && state.count
  const by = [attributes["code.function.name"], attributes["weavai.outcome"], attributes["error.type"]]
  return `  ${id}  ${value} ${attributes["unit"]}  ${styleText("dim", by.filter(Boolean).join(" "))}`
}

const named = (attributes: Record<string, unknown>): string =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")

const heading = (text: string): string => styleText("bold", text)

const [question = "What is the deductible for wind or hail damage?"] = process.argv
  .slice(2)
  .filter((argument) => argument !== "--")

const service = LocalServer.layer({
  port: 0,
  documents: [samplePolicy],
  faults: [{ on: "streamChat", times: 1, status: 429 }]
})

const client = Layer.unwrap(
  Effect.map(LocalServer, ({ url }) =>
    WeavConfig.layer({ env: url, authToken: Redacted.make("local"), retry: { baseDelay: "100 millis" } })
  )
).pipe(Layer.provideMerge(service), Layer.merge(FetchHttpClient.layer))

NodeRuntime.runMain(Effect.provide(program(question), client))
