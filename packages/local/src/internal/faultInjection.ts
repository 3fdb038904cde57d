/**
 * Makes the faults that strike a request, whether it came over a socket or from within the program.
 */
import { toIncomingMessage } from "@effect/platform-node/NodeHttpServerRequest"
import type { Operation } from "@weavai/effect"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { HttpBody, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { STATUS_CODES } from "node:http"
import type { FaultPoint, Judge, StatusFault } from "../Faults.ts"
import { ChatRequest } from "../LocalApi.ts"
import { maxBody } from "./handlers.ts"

/** Cuts the connection that a request came on. */
export const CutConnection = Context.Reference<(request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void>>(
  "@weavai/local/internal/faultInjection/CutConnection",
  { defaultValue: () => resetSocket }
)

/** Has every request judged, and lets befall it what the judge says. */
export const faultInjection = (judge: Judge) =>
  HttpRouter.middleware(
    (httpEffect) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const operation = yield* operationOf(request)
        if (operation === undefined) return yield* httpEffect

        const { fault, latency } = judge(operation)
        if (latency > 0) yield* Effect.interruptible(Effect.sleep(latency))
        if (fault === undefined) return yield* httpEffect
        if ("status" in fault) return errorResponse(fault)

        const end = "cut" in fault ? (yield* CutConnection)(request) : Effect.never
        const point = "cut" in fault ? fault.cut : fault.stall
        const noResponse = Effect.andThen(Effect.interruptible(end), Effect.interrupt)
        if (point === "beforeProcessing") return yield* noResponse
        const response = yield* httpEffect
        return point === "beforeHeaders" ? yield* noResponse : breakOff(response, point, end)
      }),
    { global: true }
  )

/** What a client is told when the connection was cut, as far as this side tells it: as `fetch` does. */
export const connectionReset = (message: "fetch failed" | "terminated"): TypeError =>
  new TypeError(message, { cause: Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }) })

/** Does not come back: the socket's end interrupts the request. */
const resetSocket = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<void> =>
  Effect.callback(() => {
    const { socket } = toIncomingMessage(request)
    // A reset throws away what was written and is not sent yet.
    socket.write("", () => socket.resetAndDestroy())
  })

const operationOf = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<Operation | undefined> => {
  switch (`${request.method} ${request.url.split("?", 1)[0]}`) {
    case "GET /chat_logs":
      return Effect.succeed("getChatLogs")
    case "GET /chat_history":
      return Effect.succeed("getChatHistory")
    case "POST /chat":
      return request.text.pipe(
        Effect.provideService(HttpServerRequest.MaxBodySize, maxBody),
        Effect.interruptible,
        Effect.match({
          onSuccess: (text) => (isStreamed(text) ? "streamChat" : "chat"),
          onFailure: () => "chat"
        })
      )
    default:
      return Effect.succeed(undefined)
  }
}

const decodeStream = Schema.decodeOption(Schema.fromJsonString(Schema.Struct({ stream: ChatRequest.fields.stream })))

const isStreamed = (body: string): boolean => Option.exists(decodeStream(body), ({ stream }) => stream === true)

const errorResponse = ({ detail, retryAfter, status }: StatusFault): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe(
    { detail: detail ?? STATUS_CODES[status] ?? "Error" },
    {
      status,
      headers: retryAfter === undefined ? {} : { "retry-after": `${Math.ceil(Duration.toSeconds(retryAfter))}` }
    }
  )

/** The response as far as a point inside its body. */
const breakOff = (
  response: HttpServerResponse.HttpServerResponse,
  point: Exclude<FaultPoint, "beforeProcessing" | "beforeHeaders">,
  end: Effect.Effect<void>
): HttpServerResponse.HttpServerResponse => {
  const { body } = response
  if (body._tag !== "Stream" && (body._tag !== "Uint8Array" || point !== "insideBody")) return response

  const pieces = body._tag === "Stream" ? body.stream : Stream.make(body.body)
  const broken = Effect.flatMap(end, () => Effect.die(connectionReset("terminated")))
  const half = pieces.pipe(
    Stream.take(1),
    Stream.map((piece) => piece.subarray(0, piece.length / 2))
  )
  const partly: Stream.Stream<Uint8Array, unknown> =
    point === "insideBody"
      ? Stream.concat(half, Stream.fromEffect(broken))
      : Stream.mapEffect(pieces, (piece, index) => (index < point.afterPieces ? Effect.succeed(piece) : broken))
  return HttpServerResponse.setBody(response, HttpBody.stream(partly, body.contentType, body.contentLength))
}
