/**
 * Bodies are read by hand for speed; the public schemas are what they must agree with, on what is valid and on what it
 * means. Held to each other with seeded random mutations of valid bodies.
 */
import { expect, it } from "@effect/vitest"
import { ChatHistoryResponse, ChatLogsResponse, ChatOperations, ChatResponse } from "@weavai/effect"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { inProcess } from "../support/client.ts"
import * as wire from "../support/wireExamples.ts"

/** The generator of Park and Miller, which gives the same numbers everywhere. */
const makeRandom = (seed: number) => () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647

const values = [
  null,
  0,
  1.5,
  -1,
  1e300,
  "",
  "x",
  "2024-09-25T19:12:20Z",
  "2024-02-30",
  true,
  [],
  {},
  [null],
  ["a"],
  [{}]
]

const mutate = (body: unknown, random: () => number): unknown => {
  const pick = <A>(items: ReadonlyArray<A>): A => items[Math.floor(random() * items.length)]!
  if (typeof body !== "object" || body === null || random() < 0.1) return pick(values)
  if (Array.isArray(body)) {
    return random() < 0.2 ? [...body, pick(values)] : body.map((item) => (random() < 0.5 ? mutate(item, random) : item))
  }
  const key = pick(Object.keys(body))
  const { [key]: value, ...rest } = body as { [key: string]: unknown }
  return random() < 0.2 ? rest : { ...rest, [key]: mutate(value, random) }
}

it.effect.each([
  ["getChatLogs", wire.chatLogs, ChatLogsResponse, ChatOperations.getChatLogs()],
  ["getChatHistory", wire.chatHistory, ChatHistoryResponse, ChatOperations.getChatHistory({ chatId: "c" })],
  ["chat", wire.chatResponse, ChatResponse, ChatOperations.chat(wire.question)]
] as const)("%s takes the bodies that its schema takes, and reads them the same", ([, valid, schema, operation]) =>
  Effect.gen(function* () {
    const random = makeRandom(20_261_123)
    const decode = Schema.decodeUnknownExit(schema as Schema.Codec<unknown, unknown>)
    const count = { taken: 0, refused: 0 }
    for (let i = 0; i < 2000; i++) {
      const body = mutate(random() < 0.5 ? valid : mutate(valid, random), random)
      const bySchema = decode(body)
      const byOperation = yield* Effect.exit(operation as Effect.Effect<unknown, unknown, never>).pipe(
        Effect.provide(inProcess(() => Response.json(body)))
      )
      const asJson = JSON.stringify(body)
      expect(Exit.isSuccess(byOperation), asJson).toBe(Exit.isSuccess(bySchema))
      if (Exit.isSuccess(bySchema)) expect((byOperation as typeof bySchema).value, asJson).toEqual(bySchema.value)
      count[Exit.isSuccess(bySchema) ? "taken" : "refused"]++
    }
    expect(count.taken).toBeGreaterThan(100)
    expect(count.refused).toBeGreaterThan(100)
  })
)
