import { describe, expect, it, vi } from "@effect/vitest"
import { ChatOperations, WeavConfig, type WeavConfigOptions } from "@weavai/effect"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { clientFor, failureOf, token } from "../support/client.ts"
import { rawServer } from "../support/rawServer.ts"
import { json } from "../support/responses.ts"
import * as wire from "../support/wireExamples.ts"

const authToken = Redacted.make(token)
const valid: WeavConfigOptions = { env: "https://subdomain.weav.ai/", authToken }

const refusal = (options: { readonly [Option in keyof WeavConfigOptions]?: unknown }) =>
  Effect.flip(WeavConfig.make({ ...valid, ...options } as WeavConfigOptions))

describe("the base URL", () => {
  it.effect.each<[string | URL, string]>([
    ["local", "http://localhost:7030"],
    ["https://subdomain.weav.ai", "https://subdomain.weav.ai/chat-service"],
    ["https://subdomain.weav.ai/", "https://subdomain.weav.ai/chat-service"],
    ["https://subdomain.weav.ai///", "https://subdomain.weav.ai/chat-service"],
    ["https://gateway.example/tenants/7", "https://gateway.example/tenants/7/chat-service"],
    ["https://gateway.example:8443/tenants/7//", "https://gateway.example:8443/tenants/7/chat-service"],
    [new URL("https://subdomain.weav.ai"), "https://subdomain.weav.ai/chat-service"],
    ["http://localhost:8080", "http://localhost:8080/chat-service"],
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080/chat-service"],
    ["http://127.8.9.10", "http://127.8.9.10/chat-service"],
    ["http://[::1]:8080", "http://[::1]:8080/chat-service"],
    ["http://weav.localhost:8080", "http://weav.localhost:8080/chat-service"]
  ])("of %s", ([env, baseUrl]) =>
    Effect.map(WeavConfig.make({ ...valid, env }), (config) => expect(config.baseUrl).toBe(baseUrl))
  )

  it.effect.each<[unknown, RegExp]>([
    ["", /no URL.*Give "local" or a URL/],
    ["subdomain.weav.ai", /no URL.*https:\/\/subdomain\.weav\.ai/],
    [undefined, /no URL.*Give "local" or a URL/],
    ["ftp://subdomain.weav.ai", /ftp:.*not HTTP.*https:\/\//],
    ["localhost:7030", /not HTTP/],
    ["https://user:hunter2@subdomain.weav.ai", /password.*token alone authorizes/],
    ["https://user@subdomain.weav.ai", /user name.*token alone authorizes/],
    ["https://subdomain.weav.ai/?tenant=7", /query.*such as https:\/\/subdomain\.weav\.ai/],
    ["https://subdomain.weav.ai/#chats", /fragment.*such as https:\/\/subdomain\.weav\.ai/],
    ["https://subdomain.weav.ai/chat-service", /\/chat-service.*Leave that out/],
    ["https://subdomain.weav.ai/chat-service//", /\/chat-service.*Leave that out/],
    ["http://subdomain.weav.ai", /subdomain\.weav\.ai.*unencrypted.*Use https/],
    ["http://localhost.example.com", /unencrypted/],
    ["http://127.0.0.1.example.com", /unencrypted/],
    ["http://192.168.0.10", /unencrypted/],
    ["http://0.0.0.0:7030", /unencrypted/]
  ])("is refused from %s", ([env, says]) =>
    Effect.map(refusal({ env }), (error) => {
      expect(error).toMatchObject({ _tag: "WeavConfigError", option: "env" })
      expect(error.message).toMatch(/^env /)
      expect(error.message).toMatch(says)
    })
  )
})

describe("the token", () => {
  it.effect.each<[unknown, RegExp]>([
    [Redacted.make(""), /empty.*Give the token/],
    [Redacted.make(" \n"), /empty.*Give the token/],
    [Redacted.make(`Bearer ${token}`), /"Bearer ".*Give the token alone/],
    [Redacted.make(`bearer ${token}`), /"Bearer ".*Give the token alone/],
    [Redacted.make(`BEARER\t${token}`), /"Bearer ".*Give the token alone/],
    [Redacted.make(`${token}\n`), /line break/],
    [Redacted.make(` ${token}`), /space/],
    [Redacted.make(`${token}\u0000`), /another character that a header cannot carry/],
    [Redacted.make("tökén"), /another character that a header cannot carry/],
    [Redacted.make(undefined as never), /empty.*Give the token/],
    [token, /Redacted/],
    [undefined, /./]
  ])("is refused: %#", ([authToken, says]) =>
    Effect.map(refusal({ authToken }), (error) => {
      expect(error).toMatchObject({ _tag: "WeavConfigError", option: "authToken" })
      expect(error.message).toMatch(/^authToken /)
      expect(error.message).toMatch(says)
    })
  )
})

describe("limits", () => {
  it.effect("have safe defaults, each replaced on its own", () =>
    Effect.gen(function* () {
      const plain = yield* WeavConfig.make(valid)
      const changed = yield* WeavConfig.make({ ...valid, timeouts: { idle: "5 seconds", total: undefined } })
      expect(inMillis(plain)).toEqual({ firstByte: 120_000, total: 300_000, idle: 60_000 })
      expect(inMillis(changed)).toEqual({ firstByte: 120_000, total: 300_000, idle: 5_000 })
      expect(plain.maxEventLength).toBe(10_485_760)
    })
  )

  for (const limit of ["firstByte", "total", "idle"]) {
    it.effect.each<unknown>([0, -1, NaN, "0 seconds", "soon", "30", null, {}])(
      `timeouts.${limit} is refused as %s`,
      (bad) =>
        Effect.map(refusal({ timeouts: { [limit]: bad } }), (error) => {
          expect(error).toMatchObject({ _tag: "WeavConfigError", option: `timeouts.${limit}` })
          expect(error.message).toContain('must be a duration above zero such as "30 seconds"')
        })
    )
  }

  it.effect.each<unknown>([0, -1, 1.5, NaN, Infinity, "10", null])("maxEventLength is refused as %s", (bad) =>
    Effect.map(refusal({ maxEventLength: bad }), (error) => {
      expect(error.message).toBe(`maxEventLength must be an integer of 1 or more, got ${String(bad)}.`)
    })
  )

  const inMillis = ({ timeouts }: WeavConfig["Service"]) => ({
    firstByte: Duration.toMillis(timeouts.firstByte),
    total: Duration.toMillis(timeouts.total),
    idle: Duration.toMillis(timeouts.idle)
  })
})

describe("layerConfig", () => {
  const withEnvironment = (env: Record<string, string>, layer = WeavConfig.layerConfig()) =>
    WeavConfig.pipe(
      Effect.provide(layer),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
    )

  it.effect("reads WEAV_ENV and WEAV_AUTH_TOKEN", () =>
    Effect.gen(function* () {
      const config = yield* withEnvironment({ WEAV_ENV: "local", WEAV_AUTH_TOKEN: token })
      expect(config.baseUrl).toBe("http://localhost:7030")
      expect(Redacted.value(config.authToken as Redacted.Redacted)).toBe(token)
    })
  )

  it.effect("reads the process's environment where no provider was given", () =>
    Effect.gen(function* () {
      vi.stubEnv("WEAV_ENV", "https://stubbed.weav.ai")
      vi.stubEnv("WEAV_AUTH_TOKEN", token)
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()))
      const config = yield* Effect.provide(WeavConfig, WeavConfig.layerConfig())
      expect(config.baseUrl).toBe("https://stubbed.weav.ai/chat-service")
      expect(Redacted.value(config.authToken as Redacted.Redacted)).toBe(token)
    })
  )

  it.effect("reads other variables, and takes the settings of a call", () =>
    Effect.gen(function* () {
      const layer = WeavConfig.layerConfig({ authToken: Config.Redacted("STAGING_TOKEN"), maxEventLength: 7 })
      const config = yield* withEnvironment({ WEAV_ENV: "local", STAGING_TOKEN: token }, layer)
      expect(Redacted.value(config.authToken as Redacted.Redacted)).toBe(token)
      expect(config.maxEventLength).toBe(7)
    })
  )

  it.effect.each<[Record<string, string>, string]>([
    [{ WEAV_AUTH_TOKEN: token }, "WEAV_ENV"],
    [{ WEAV_ENV: "local" }, "WEAV_AUTH_TOKEN"]
  ])("names the missing variable: %#", ([env, missing]) =>
    Effect.map(Effect.flip(withEnvironment(env)), (error) => {
      expect(error).toMatchObject({ _tag: "WeavConfigError" })
      expect(error.message).toContain(`is missing: set ${missing}`)
    })
  )

  it.effect("checks the values like any others", () =>
    Effect.map(Effect.flip(withEnvironment({ WEAV_ENV: "local", WEAV_AUTH_TOKEN: "Bearer x" })), (error) => {
      expect(error).toMatchObject({ _tag: "WeavConfigError", option: "authToken" })
    })
  )
})

describe("a source of tokens", () => {
  it.effect("is asked for each request", () =>
    Effect.gen(function* () {
      let asked = 0
      const server = yield* rawServer((exchange) => exchange.write(json(wire.chatHistory)))
      const rotating = Effect.sync(() => Redacted.make(`token-${++asked}`))
      const read = ChatOperations.getChatHistory({ chatId: "c" })
      yield* Effect.andThen(read, read).pipe(Effect.provide(clientFor(server, { authToken: rotating })))
      expect(server.requests.map((request) => request.headers["authorization"])).toEqual([
        "Bearer token-1",
        "Bearer token-2"
      ])
    })
  )

  it.effect.each<[Effect.Effect<Redacted.Redacted, unknown>, RegExp]>([
    [Effect.fail(new Error("the vault is sealed")), /the vault is sealed/],
    [Effect.fail("sealed"), /token source failed/],
    [Effect.succeed(Redacted.make("Bearer x")), /begins with "Bearer "/],
    [Effect.succeed(Redacted.make("")), /empty/],
    [Effect.succeed(Redacted.make("two\nlines")), /line break/]
  ])("that yields no usable token fails the operation with Unauthorized, and nothing is sent: %#", ([source, says]) =>
    Effect.gen(function* () {
      const server = yield* rawServer()
      const error = yield* ChatOperations.chat(wire.question).pipe(
        failureOf,
        Effect.provide(clientFor(server, { authToken: source }))
      )
      expect(error).toMatchObject({ _tag: "Unauthorized", operation: "chat" })
      expect(error.message).toMatch(/^chat: no token could be had: /)
      expect(error.message).toMatch(says)
      expect(server.requests).toEqual([])
    })
  )
})

describe("secrets", () => {
  const dumps = (value: unknown) => [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: Infinity, showHidden: true })
  ]

  it.effect("the token is in no dump of a configuration", () =>
    Effect.map(WeavConfig.make(valid), (config) => {
      for (const dump of dumps(config)) expect(dump).not.toContain(token)
    })
  )

  it.effect.each<[string, { readonly [Option in keyof WeavConfigOptions]?: unknown }]>([
    [token, { authToken: Redacted.make(`Bearer ${token}`) }],
    [token, { authToken: Redacted.make(`${token}\n`) }],
    [token, { authToken: token }],
    [token, { env: token, authToken: Redacted.make("local") }],
    ["hunter2", { env: "https://user:hunter2@subdomain.weav.ai" }],
    ["hunter2", { env: "https://user:hunter2@subdomain.weav.ai:port" }],
    ["hunter2", { env: "https://subdomain.weav.ai?key=hunter2" }]
  ])("are in no refusal: %#", ([secret, options]) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.provide(WeavConfig, WeavConfig.layer({ ...valid, ...options } as WeavConfigOptions))
      )
      if (exit._tag === "Success") return expect.fail("the options must be refused")
      for (const dump of [...dumps(exit), ...dumps(Cause.squash(exit.cause)), Cause.pretty(exit.cause)]) {
        expect(dump).not.toContain(secret)
      }
    })
  )
})
