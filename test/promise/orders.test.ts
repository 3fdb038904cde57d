/**
 * Reading, leaving, aborting and closing in any order, while the service does what it likes: every promise that a caller
 * gets is settled in the end, no other one rejects, and nothing stays open. A seed determines each run.
 */
import { describe, expect, it } from "@effect/vitest"
import { ApiError, type ChatClient, createChatClient, NotFound } from "@weavai/promise"
import { getEventListeners } from "node:events"
import { setImmediate } from "node:timers/promises"
import { token } from "../support/client.ts"
import { makePrng, type Prng } from "../support/prng.ts"
import { event } from "../support/responses.ts"
import { expectNoUnhandledRejections } from "../support/unhandled.ts"
import * as wire from "../support/wireExamples.ts"

expectNoUnhandledRejections()

const turns = async (count: number): Promise<void> => {
  for (; count > 0; count--) await setImmediate()
}

const words = ["Hail ", "", "is ", "covered."]
const whole = words.join("")

/** A service that a seed makes, and how many of its bodies are being read. */
const makeService = (prng: Prng) => {
  const open = new Set<object>()

  const answer = (signal: AbortSignal): Response => {
    const utf8 = new TextEncoder()
    const end = prng.pick(["whole", "cut", "reported", "stalled"])
    const sent = end === "whole" ? words : words.slice(0, prng.below(words.length))
    const body = {}
    open.add(body)
    const over = (): void => {
      open.delete(body)
      signal.removeEventListener("abort", abort)
    }
    let abort = (): void => {}
    const bytes = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          abort = () => {
            over()
            controller.error(signal.reason)
          }
          signal.addEventListener("abort", abort)
        },
        async pull(controller) {
          await turns(prng.below(3))
          if (signal.aborted) return
          const next = sent.slice(0, 1 + prng.below(2))
          sent.splice(0, next.length)
          if (next.length > 0) {
            return controller.enqueue(utf8.encode(next.map((text) => event(wire.piece(text))).join("")))
          }
          if (end === "stalled") return new Promise(() => {})
          over()
          if (end === "cut") return controller.error(new TypeError("terminated"))
          if (end === "reported") controller.enqueue(utf8.encode(`event: error\ndata: {"error": "no"}\n\n`))
          controller.close()
        },
        cancel: over
      },
      { highWaterMark: 0 }
    )
    return new Response(bytes, { headers: { "content-type": "text/event-stream" } })
  }

  const fetch: typeof globalThis.fetch = async (_, init) => {
    const signal = init!.signal!
    await turns(prng.below(3))
    signal.throwIfAborted()
    switch (prng.below(10)) {
      case 0:
        throw new TypeError("fetch failed")
      case 1:
        return Response.json({ detail: "no" }, { status: 404 })
      case 2:
        return Response.json({ detail: "busy" }, { status: 503, headers: { "retry-after": "0" } })
      default:
        return answer(signal)
    }
  }
  return { fetch, open: () => open.size }
}

/** Everything that a caller can do with one answer. */
const callerOf = (client: ChatClient, abort: AbortController) => {
  const answer = client.streamChat(wire.question, { signal: abort.signal })
  const read: Array<string> = []
  const iterators: Array<AsyncIterator<unknown>> = []
  const streams: Array<ReadableStreamDefaultReader<unknown>> = []

  /** Uses what was opened first, or opens it. A second reader is told so. */
  const first = <A>(opened: Array<A>, open: () => A): A => {
    if (opened.length === 0) opened.push(open())
    return opened[0]!
  }
  const pieces = () => first(iterators, () => answer[Symbol.asyncIterator]())
  const texts = () => first(iterators, () => answer.text()[Symbol.asyncIterator]())
  const stream = () => first(streams, () => answer.toReadableStream().getReader())

  const actions: Record<string, () => Promise<unknown>> = {
    async next() {
      const { done, value } = await pieces().next()
      if (!done) read.push(typeof value === "string" ? value : (value as { text: string }).text)
    },
    textNext: () => texts().next(),
    return: () => iterators[0]?.return?.() ?? turns(1),
    read: () => stream().read(),
    cancel: () => streams[0]?.cancel() ?? turns(1),
    async toResponse() {
      const { body } = await answer.toResponse()
      streams.push(body!.getReader())
    },
    async final() {
      expect((await answer.final()).text).toBe(whole)
    },
    async withResponse() {
      const { data, response } = await answer.withResponse()
      expect(data).toBe(answer)
      expect(response.status).toBe(200)
    },
    async abort() {
      abort.abort()
    }
  }
  return { actions, read }
}

const isExpected = (error: unknown): boolean =>
  error instanceof ApiError ||
  error instanceof NotFound ||
  (error instanceof Error && error.name === "AbortError") ||
  (error instanceof TypeError && error.message.includes("is being read already"))

const play = async (seed: number): Promise<void> => {
  const prng = makePrng(seed)
  const service = makeService(prng)
  const client = createChatClient({ env: "local", authToken: token, fetch: service.fetch, retry: { baseDelay: 1 } })
  const aborts = Array.from({ length: 1 + prng.below(3) }, () => new AbortController())
  const callers = aborts.map((abort) => callerOf(client, abort))
  const outcomes: Array<Promise<unknown>> = []
  const done: Array<string> = []

  for (let step = 0; step < 12; step++) {
    const { actions } = prng.pick(callers)
    const name = prng.pick(Object.keys(actions))
    done.push(name)
    const outcome = (async () => actions[name]!())()
    outcomes.push(
      outcome.catch((error: unknown) => {
        if (!isExpected(error)) throw error
      })
    )
    if (prng.chance(0.03)) outcomes.push(client.close())
    if (prng.chance(0.5)) await turns(prng.below(5))
  }
  await Promise.all([client.close(), ...(prng.chance(0.5) ? [client.close()] : [])])
  await Promise.all(outcomes)
  await turns(5)

  const listeners = aborts.flatMap(({ signal }) => getEventListeners(signal, "abort"))
  expect({ seed, done, open: service.open(), listeners }).toEqual({ seed, done, open: 0, listeners: [] })
  for (const { read } of callers) expect(whole.startsWith(read.join(""))).toBe(true)
}

describe("any order", () => {
  it.each(Array.from({ length: 10 }, (_, part) => part * 50))("seeds from %i", async (start) => {
    for (let seed = start; seed < start + 50; seed++) await play(seed)
  })
})
