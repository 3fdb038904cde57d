/**
 * The types that plain callers see: the models and errors of the Effect edition, with nothing of Effect in them.
 */
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "@weavai/effect"
import * as Client from "@weavai/promise"
import { readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { root } from "../support/run.ts"

/** The fields of an error, and of its reason, without what makes it an `Error` and, in the Effect edition, an effect. */
type Fields<E> = E extends unknown
  ? {
      [
        K in keyof E as K extends keyof Error | "pipe" | "toJSON" | "toString" | `~${string}` | symbol ? never : K
      ]: K extends "reason" ? Fields<E[K]> : E[K]
    }
  : never

// What is checked here, is checked by the compiler: nothing is run.
describe("the models", () => {
  it("are those of the Effect edition", () => {
    expectTypeOf<Client.ChatResponse>().toEqualTypeOf<Effect.ChatResponse>()
    expectTypeOf<Client.SearchResult>().toEqualTypeOf<Effect.SearchResult>()
    expectTypeOf<Client.PageClassification>().toEqualTypeOf<Effect.PageClassification>()
    expectTypeOf<Client.ChatHistoryResponse>().toEqualTypeOf<Effect.ChatHistoryResponse>()
    expectTypeOf<Client.ChatHistoryMessage>().toEqualTypeOf<Effect.ChatHistoryMessage>()
    expectTypeOf<Client.ChatLogsResponse>().toEqualTypeOf<Effect.ChatLogsResponse>()
    expectTypeOf<Client.Message>().toEqualTypeOf<Effect.Message>()
    expectTypeOf<Client.LogRow>().toEqualTypeOf<Effect.LogRow>()
    expectTypeOf<Client.ChatRequest>().toEqualTypeOf<Effect.ChatRequest>()
    expectTypeOf<Client.GetChatHistoryRequest>().toEqualTypeOf<Effect.GetChatHistoryRequest>()
  })
})

describe("the errors", () => {
  it("have the fields of those of the Effect edition", () => {
    expectTypeOf<Fields<Client.Unauthorized>>().toEqualTypeOf<Fields<Effect.Unauthorized>>()
    expectTypeOf<Fields<Client.NotFound>>().toEqualTypeOf<Fields<Effect.NotFound>>()
    expectTypeOf<Fields<Client.ApiError>>().toEqualTypeOf<Fields<Effect.ApiError>>()
    expectTypeOf<Fields<Client.WeavConfigError>>().toEqualTypeOf<Fields<Effect.WeavConfigError>>()
    expectTypeOf<Client.ApiErrorReason["_tag"]>().toEqualTypeOf<Effect.ApiErrorReason["_tag"]>()
    expectTypeOf<Client.ChatError["_tag"]>().toEqualTypeOf<"Unauthorized" | "NotFound" | "ApiError">()
  })

  it("narrow by instanceof", () => {
    const read = (error: unknown) => {
      if (error instanceof Client.NotFound) {
        expectTypeOf(error).toEqualTypeOf<Client.NotFound>()
        return error.status
      }
      if (error instanceof Client.ApiError && error.reason instanceof Client.RateLimited) return error.reason.retryAfter
      return undefined
    }
    const about = { operation: "chat", status: 404, body: "" } as const
    expect(read(new Client.NotFound(about))).toBe(404)
    expect(read(new Error())).toBeUndefined()
    const reason = new Client.RateLimited({ ...about, status: 429, retryAfter: 7 })
    expect(read(new Client.ApiError({ reason, attempts: 1 }))).toBe(7)
  })

  it("narrow by tag", () => {
    const read = (error: Client.ChatError) => {
      switch (error._tag) {
        case "Unauthorized":
          return error.status ?? 0
        case "NotFound":
          return error.status
        case "ApiError":
          expectTypeOf(error).toEqualTypeOf<Client.ApiError>()
          return error.reason._tag === "StreamInterrupted" ? error.reason.answer?.text.length : error.attempts
      }
    }
    expectTypeOf(read).returns.toEqualTypeOf<number | undefined>()
  })
})

describe("the client", () => {
  it("promises values, with their responses when asked", () => {
    const use = async (client: Client.ChatClient) => {
      const call = client.getChatLogs()
      expectTypeOf(await call).toEqualTypeOf<Client.ChatLogsResponse>()
      const { data, response } = await call.withResponse()
      expectTypeOf(data).toEqualTypeOf<Client.ChatLogsResponse>()
      expectTypeOf(response.headers).toEqualTypeOf<Headers>()
      const answer = client.streamChat({ userInput: "?", chatId: "c", fileId: "f" })
      expectTypeOf((await answer.withResponse()).data).toEqualTypeOf<Client.AnswerStream>()
      for await (const piece of answer) expectTypeOf(piece).toEqualTypeOf<Client.ChatResponse>()
      expectTypeOf(answer.toReadableStream()).toEqualTypeOf<ReadableStream<Client.ChatResponse>>()
    }
    expectTypeOf(use).parameter(0).toEqualTypeOf<Client.ChatClient>()
  })
})

describe("the declarations", () => {
  /** A declaration file and all that it leads to, without comments. */
  const declarations = async (file: string, seen = new Map<string, string>()): Promise<Map<string, string>> => {
    if (seen.has(file)) return seen
    const text = (await readFile(file, "utf8")).replaceAll(/\/\*\*.*?\*\//gs, "")
    seen.set(file, text)
    for (const [, path = ""] of text.matchAll(/(?:from|import\(|import|path=|types=)\s*"([^"]+)"/g)) {
      // A package's declarations would be its own to read; there are to be none.
      expect({ file, path }).toEqual({ file, path: expect.stringMatching(/^\.\//) })
      await declarations(join(dirname(file), path.replace(/\.ts$/, ".d.ts")), seen)
    }
    return seen
  }

  it("know nothing of Effect, nor of any other package", async () => {
    const files = await declarations(join(root, "packages/promise/dist/index.d.ts"))
    expect(files.size).toBeGreaterThan(8)
    for (const [file, text] of files) {
      expect({ file, found: text.match(/.*\b(effect|Schema|Codec|Fiber|Layer|Redacted|Yieldable)\b.*/gi) }).toEqual({
        file,
        found: null
      })
    }
  })
})
