/**
 * Tests that a call which is interrupted, wherever it is, leaves nothing behind: no connection in use, no timer, no
 * fiber, no listener. They are the same for each way to make calls.
 */
import { describe, expect, it } from "@effect/vitest"
import { type ChatError, ChatOperations, WeavConfig } from "@weavai/effect"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import { setImmediate } from "node:timers/promises"
import { takeCensus } from "./census.ts"
import { type Exchange, type RawServer, type Script, startRawServer } from "./rawServer.ts"
import { chunk, event, eventStream, eventStreamHead, head, json, response } from "./responses.ts"
import { expectNoUnhandledRejections } from "./unhandled.ts"
import * as wire from "./wireExamples.ts"

export const operations = ["getChatLogs", "getChatHistory", "chat", "streamChat", "chatLogs"] as const
export type Operation = (typeof operations)[number]

/** How the logs are walked: in several pages, some of which are fetched ahead. */
export const walk = { pageSize: 2, concurrency: 3 }

/** What a call is made with. */
export interface Settings {
  readonly url: string
  readonly askToken: () => Promise<string>
  readonly retry: { readonly maxAttempts: number; readonly baseDelay: number }
  /** Waited for after each item of a stream: whether to read on. */
  readonly onItem: () => Promise<boolean>
}

/** A call that is under way. */
export interface Run {
  readonly interrupt: () => void
  /** Resolves when it is over: to `value`, to `interrupted`, or to what it failed with. */
  readonly ended: Promise<unknown>
}

/** A way to make calls: an edition over an HTTP client, and a means to interrupt it. */
export interface Way {
  readonly name: string
  readonly operations: ReadonlyArray<Operation>
  readonly start: (operation: Operation, settings: Settings) => Run
  /** undici's statistics of the connections to a server; there are none while there is no connection. */
  readonly connections: (url: string) => Connections | undefined
  /** How much else is left: listeners, token sources that run. */
  readonly others: () => number
}

export interface Connections {
  readonly connected: number
  readonly running: number
  readonly pending: number
  readonly queued: number
}

/** What Node's own undici says, the one inside `fetch`. Another undici that is imported takes its place. */
export const connectionsOfFetch: Way["connections"] = (url) =>
  (globalThis as { [dispatcher]?: { readonly stats: { readonly [url: string]: Connections } } })[dispatcher]?.stats[url]

const dispatcher = Symbol.for("undici.globalDispatcher.1")

/** The Effect edition, interrupted by its fiber. */
export const effectWay = (name: string, client: HttpClient.HttpClient, connections: Way["connections"]): Way => {
  let asking = 0
  return {
    name: `@weavai/effect on ${name}`,
    operations,
    connections,
    others: () => asking,
    start(operation, { askToken, onItem, retry, url: env }) {
      const asked = Effect.callback<Redacted.Redacted>((resume) => {
        void askToken().then((token) => resume(Effect.succeed(Redacted.make(token))))
      })
      const authToken = Effect.acquireUseRelease(
        Effect.sync(() => asking++),
        () => asked,
        () => Effect.sync(() => asking--)
      )
      const config = Effect.runSync(WeavConfig.make({ env, authToken, retry }))
      const context = Context.make(WeavConfig, config).pipe(Context.add(HttpClient.HttpClient, client))
      const fiber = Effect.runForkWith(context)(calls[operation](onItem))
      return {
        interrupt: () => fiber.interruptUnsafe(),
        ended: new Promise((resolve) =>
          fiber.addObserver((exit) => {
            if (Exit.isSuccess(exit)) return resolve("value")
            resolve(Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : Cause.squash(exit.cause))
          })
        )
      }
    }
  }
}

type Calls = {
  readonly [O in Operation]: (
    onItem: Settings["onItem"]
  ) => Effect.Effect<unknown, ChatError, WeavConfig | HttpClient.HttpClient>
}

const calls: Calls = {
  getChatLogs: () => ChatOperations.getChatLogs(),
  getChatHistory: () => ChatOperations.getChatHistory({ chatId: wire.chatId }),
  chat: () => ChatOperations.chat(wire.question, { onUncertain: "reconcile" }),
  streamChat: (onItem) =>
    Stream.runForEachWhile(ChatOperations.streamChat(wire.question), () => Effect.promise(onItem)),
  chatLogs: (onItem) => Stream.runForEachWhile(ChatOperations.chatLogs(walk), () => Effect.promise(onItem))
}

const nothing = { fibers: 0, timers: [], others: 0, requests: 0, unknownConnections: 0 }

/** Resolves when it is so, or after 2 seconds, for the test to say what is not. */
const until = async (isSo: () => boolean): Promise<void> => {
  for (const end = Date.now() + 2000; !isSo() && Date.now() < end;) await setImmediate()
}

const turns = async (count: number): Promise<void> => {
  for (; count > 0; count--) await setImmediate()
}

export const testInterruption = (ways: ReadonlyArray<Way>): void => {
  const census = takeCensus()
  expectNoUnhandledRejections()

  describe.each(ways)("$name", ({ connections, operations, others, start }) => {
    /** What a run has left behind, once its connections have come to rest. */
    const leftBy = async ({ openConnections, url }: RawServer) => {
      const now = { fibers: census.fibers(), timers: census.timers(), others: others() }
      const inUse = () => {
        const { connected = 0, pending = 0, queued = 0, running = 0 } = connections(url) ?? {}
        return { requests: running + pending + queued, unknownConnections: openConnections() - connected }
      }
      await until(() => inUse().requests === 0 && inUse().unknownConnections === 0)
      return { ...now, ...inUse() }
    }

    const settingsFor = ({ url }: RawServer): Settings => ({
      url,
      askToken: async () => "token",
      retry: { maxAttempts: 3, baseDelay: 1 },
      onItem: async () => true
    })

    describe.each(operations)("%s, interrupted", (operation) => {
      /** Interrupts a run at one point after the other, until one ends before its point comes. */
      const sweep = async (
        service: (run: () => number) => Script,
        interruptAt: (run: Run, point: number) => Promise<boolean>
      ): Promise<number> => {
        let runs = 0
        await using server = await startRawServer(service(() => runs))
        for (let isReached = true; isReached; runs++) {
          let asked = 0
          const run = start(operation, {
            ...settingsFor(server),
            async askToken() {
              await setImmediate()
              return asked++ === 0 ? "expired" : "fresh"
            }
          })
          isReached = await interruptAt(run, runs)
          const outcome = await run.ended
          const rest = await leftBy(server)
          const expected = isReached && outcome !== "value" ? "interrupted" : "value"
          expect({ point: runs, outcome, ...rest }).toMatchObject({ point: runs, outcome: expected, ...nothing })
        }
        return runs
      }

      const atWait = async (run: Run, point: number): Promise<boolean> => {
        let waits = 0
        census.onWait = () => {
          if (waits++ === point) run.interrupt()
        }
        await run.ended
        census.onWait = () => {}
        return waits > point
      }

      const afterTurns = async (run: Run, point: number): Promise<boolean> => {
        const isOver = await Promise.race([run.ended.then(() => true), turns(point).then(() => false)])
        if (!isOver) run.interrupt()
        return !isOver
      }

      describe.each([
        ["each time that it waits", atWait],
        ["after any number of turns of the event loop", afterTurns]
      ] as const)("%s", (_, interruptAt) => {
        it("in a call that goes well", async () => {
          expect(await sweep(() => inParts(goodResponse), interruptAt)).toBeGreaterThan(5)
        })

        it("in one whose token is refused, that is redirected, and that is then asked to come again", async () => {
          const service = (run: () => number): Script => {
            let busyIn = -1
            return inParts((request) => {
              if (request.headers["authorization"] === "Bearer expired") return refusal(401)
              if (!request.target.includes("moved")) return redirect(request)
              if (busyIn === run()) return goodResponse(request)
              busyIn = run()
              return refusal(503)
            })
          }
          expect(await sweep(service, interruptAt)).toBeGreaterThan(10)
        })

        if (operation !== "chat") return
        it("in one that is cut, and settled by the history", async () => {
          const service = (): Script => (exchange) =>
            exchange.request.method === "POST" ? exchange.reset() : inParts(answeredHistory)(exchange, 0)
          expect(await sweep(service, interruptAt)).toBeGreaterThan(5)
        })
      })

      it.each(Object.entries(momentsOf(operation)))(
        "%s",
        async (_, { script, token = Promise.resolve("token"), timer }) => {
          await using server = await startRawServer(script)
          const run = start(operation, { ...settingsFor(server), askToken: () => token })
          if (script !== undefined) await server.received()
          await until(() => timer === undefined || census.timers().includes(timer))
          if (timer !== undefined) expect(census.timers()).toContain(timer)
          await turns(10)
          run.interrupt()
          expect(await run.ended).toBe("interrupted")
          expect(await leftBy(server)).toEqual(nothing)
        }
      )

      it("after its end", async () => {
        await using server = await startRawServer(inParts(goodResponse))
        const run = start(operation, settingsFor(server))
        expect(await run.ended).toBe("value")
        run.interrupt()
        await turns(10)
        expect(await leftBy(server)).toEqual(nothing)
      })
    })

    describe.each(["streamChat", "chatLogs"] as const)("%s, after its first item", (operation) => {
      /** A service that stops answering after the first items. */
      const startStalling = () =>
        startRawServer(({ request, write }, index) => {
          if (operation === "streamChat") {
            return write(eventStreamHead + chunk(event(wire.piece("Hail "))) + chunk(": on\n\n"))
          }
          return write(index === 0 ? goodResponse(request) : head({ "content-length": "100" }))
        })

      it("interrupted while the next is awaited", async () => {
        await using server = await startStalling()
        const firstItem = Promise.withResolvers<void>()
        const onItem = async () => {
          firstItem.resolve()
          return true
        }
        const run = start(operation, { ...settingsFor(server), onItem })
        await firstItem.promise
        await turns(20)
        run.interrupt()
        expect(await run.ended).toBe("interrupted")
        expect(await leftBy(server)).toEqual(nothing)
      })

      it("interrupted while its reader is busy", async () => {
        await using server = await startStalling()
        const firstItem = Promise.withResolvers<void>()
        const reader = Promise.withResolvers<boolean>()
        const onItem = () => {
          firstItem.resolve()
          return reader.promise
        }
        const run = start(operation, { ...settingsFor(server), onItem })
        await firstItem.promise
        await turns(20)
        run.interrupt()
        // At once, not when the reader comes back.
        await until(() => census.fibers() === 0)
        expect(await leftBy(server)).toEqual(nothing)
        reader.resolve(true)
        expect(await run.ended).toBe("interrupted")
      })

      it("left by its reader", async () => {
        await using server = await startStalling()
        const run = start(operation, { ...settingsFor(server), onItem: async () => false })
        expect(await run.ended).toBe("value")
        expect(await leftBy(server)).toEqual(nothing)
      })
    })
  })
}

/** A moment at which a call stands still. */
interface Moment {
  /** What the service does; it is not asked at all where there is none. */
  readonly script?: Script
  readonly token?: Promise<string>
  /** What the call waits for, in milliseconds. */
  readonly timer?: number
}

const momentsOf = (operation: Operation): { readonly [when: string]: Moment } => {
  const type = operation === "streamChat" ? "text/event-stream" : "application/json"
  const good = head({ "content-length": "100", "content-type": type })
  const stalledAfter = (bytes: string): Moment => ({ script: ({ write }) => write(bytes) })
  return {
    "while its token is asked for": { token: new Promise(() => {}) },
    "when its request is sent": { script: () => {} },
    "inside the headers": stalledAfter(good.slice(0, 30)),
    "when the headers are there": stalledAfter(good),
    "inside the body": stalledAfter(`${good}data: {"mess`),
    "inside a body that is not what was asked for": stalledAfter(`${head({ "content-length": "100" })}<html>`),
    "inside the body of a refusal": stalledAfter(`${head({ "content-length": "100" }, 400)}{"detail": "`),
    ...(operation === "chat" && {
      "between two looks at the history": {
        script: ({ request, reset, write }) => (request.method === "POST" ? reset() : write(json({ messages: [] }))),
        timer: 500
      }
    }),
    "in the pause before it is sent again": {
      script: ({ write }) => write(json({}, { status: 429, headers: { "retry-after": "50" } })),
      timer: 50_000
    }
  }
}

const refusal = (status: number): string => json({ detail: "no" }, { status, headers: { "retry-after": "0" } })

const redirect = ({ target }: Exchange["request"]): string =>
  response("", { status: 307, headers: { location: `${target}${target.includes("?") ? "&" : "?"}moved=1` } })

/** The history of a chat whose question was answered just now. */
const answeredHistory = (): string => {
  const timestamp = new Date().toISOString()
  const asked = { ...wire.historyMessage, timestamp, text: wire.question.userInput }
  const answer = { ...wire.historyMessage, timestamp, type: "assistant", text: "$5,000" }
  return json({ messages: [asked, answer] }, { headers: { date: new Date().toUTCString() } })
}

const rows = Array.from({ length: 7 }, (_, i) => ({ ...wire.logRow, id: `${i}` }))

const goodResponse = ({ body, target }: Exchange["request"]): string => {
  if (target.includes("/chat_history")) return json(wire.chatHistory)
  if (target.includes("/chat_logs")) {
    const query = new URL(target, "http://any").searchParams
    const [skip, limit] = [Number(query.get("skip")), Number(query.get("limit"))]
    return json({ messages: rows.slice(skip, skip + limit), total_records: rows.length, current_skip: skip })
  }
  return JSON.parse(body).stream
    ? eventStream(...["Hail ", "is ", "covered."].map(wire.piece))
    : json(wire.chatResponse)
}

/** Answers so that each part of a response arrives by itself: half the head, half the body and so on. */
const inParts =
  (respond: (request: Exchange["request"]) => string): Script =>
  async ({ request, write }) => {
    const response = respond(request)
    const bodyStart = response.indexOf("\r\n\r\n") + 4
    const cuts = [bodyStart >> 1, bodyStart, (bodyStart + response.length) >> 1, response.length]
    for (const [i, end] of cuts.entries()) {
      await write(response.slice(cuts[i - 1] ?? 0, end))
      await turns(2)
    }
  }
