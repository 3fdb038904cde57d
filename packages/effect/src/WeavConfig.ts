/**
 * Where the service is, with which token to call it, and within which limits.
 */
import type * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { HttpClientRequest } from "./internal/http.ts"

/** An option that cannot be used: which one, and what to give instead. */
export class WeavConfigError extends Data.TaggedError("WeavConfigError")<{
  readonly option: string
  readonly description: string
}> {
  override get message(): string {
    return `${this.option} ${this.description}`
  }
}

/**
 * Where tokens come from: one token, or an effect that yields one and is run for each request (rotating credentials).
 * When the effect fails, the operation fails with `Unauthorized`.
 */
export type TokenSource = Redacted.Redacted | Effect.Effect<Redacted.Redacted, unknown>

/** Time limits. Each that passes is a `TimeoutError` that names it. */
export interface Timeouts {
  /** From the request until the response's headers. Default 2 minutes: an unstreamed answer is written before them. */
  readonly firstByte: Duration.Duration
  /** From the request until the whole body of an unstreamed response. Default 5 minutes. */
  readonly total: Duration.Duration
  /** The longest wait for the next piece of a streamed answer; keep-alives do not count. Default 1 minute. */
  readonly idle: Duration.Duration
}

/** Settings that a single call can override. */
export interface CallOptions {
  /** Time limits; those left out stay as configured. */
  readonly timeouts?: { readonly [Limit in keyof Timeouts]?: Duration.Input | undefined } | undefined
  /** How long one event of a streamed answer may be, in characters: at least 1, default 10 MiB (10,485,760). */
  readonly maxEventLength?: number | undefined
  /** Changes a request before it is sent, e.g. to add a header. The authorization header is set after it. */
  readonly transformRequest?: ((request: HttpClientRequest) => HttpClientRequest) | undefined
}

/** What {@link WeavConfig} is made from. */
export interface WeavConfigOptions extends CallOptions {
  /** `local` for a service on `http://localhost:7030`, or the environment's URL, e.g. `https://subdomain.weav.ai/`. */
  readonly env: string | URL
  /** The token without `Bearer `, or an effect that yields one. */
  readonly authToken: TokenSource
}

/**
 * The configuration that every operation requires.
 *
 * @example
 * ```ts
 * import { WeavConfig } from "@weavai/effect"
 * import { Redacted } from "effect"
 *
 * const ConfigLayer = WeavConfig.layer({
 *   env: "https://subdomain.weav.ai/",
 *   authToken: Redacted.make("eyJhbGci…"),
 *   timeouts: { idle: "30 seconds" }
 * })
 * ```
 */
export class WeavConfig extends Context.Service<
  WeavConfig,
  {
    /** The chat service's base URL, without a trailing slash. */
    readonly baseUrl: string
    readonly authToken: TokenSource
    readonly timeouts: Timeouts
    readonly maxEventLength: number
    readonly transformRequest: ((request: HttpClientRequest) => HttpClientRequest) | undefined
  }
>()("@weavai/effect/WeavConfig") {
  /** Checks the options and completes them with defaults. Fails with a `WeavConfigError` that says what to change. */
  static readonly make = Effect.fnUntraced(function* (options: WeavConfigOptions) {
    return WeavConfig.of({
      baseUrl: yield* baseUrl(options.env),
      authToken: yield* checkTokenSource(options.authToken),
      ...(yield* override(defaults, options))
    })
  })

  /** A layer from values. */
  static readonly layer = (options: WeavConfigOptions): Layer.Layer<WeavConfig, WeavConfigError> =>
    Layer.effect(WeavConfig, WeavConfig.make(options))

  /**
   * A layer from the environment: `WEAV_ENV` and `WEAV_AUTH_TOKEN`, or other `Config`s given here.
   *
   * @example
   * ```ts
   * import { WeavConfig } from "@weavai/effect"
   * import { Config } from "effect"
   *
   * const FromEnvironment = WeavConfig.layerConfig()
   * const Staging = WeavConfig.layerConfig({ authToken: Config.Redacted("STAGING_TOKEN") })
   * ```
   */
  static readonly layerConfig = (
    options: CallOptions & {
      readonly env?: Config.Config<string> | undefined
      readonly authToken?: Config.Config<Redacted.Redacted> | undefined
    } = {}
  ): Layer.Layer<WeavConfig, WeavConfigError | Config.ConfigError> =>
    Layer.effect(
      WeavConfig,
      Effect.gen(function* () {
        const env = yield* options.env ?? variable("env", "WEAV_ENV")
        const authToken = yield* (
          options.authToken ?? Effect.map(variable("authToken", "WEAV_AUTH_TOKEN"), Redacted.make)
        )
        return yield* WeavConfig.make({ ...options, env, authToken })
      })
    )
}

const checkTokenSource = (source: TokenSource): Effect.Effect<TokenSource, WeavConfigError> => {
  if (Redacted.isRedacted(source)) return checkToken(source)
  return Effect.isEffect(source)
    ? Effect.succeed(source)
    : refuse("authToken", "is neither a Redacted, as Redacted.make(token) makes one, nor an effect that yields one.")
}

type Settings = Pick<WeavConfig["Service"], "timeouts" | "maxEventLength" | "transformRequest">

/** Read from the provider itself: `Config`'s constructors bring all of `effect/Schema` with them, 15 kB. */
const variable = (option: string, name: string): Effect.Effect<string, WeavConfigError> =>
  Effect.gen(function* () {
    const provider = yield* ConfigProvider.ConfigProvider
    const node = yield* Effect.mapError(
      provider.load([name]),
      ({ message }) => new WeavConfigError({ option, description: `could not be read from ${name}: ${message}` })
    )
    if (node?.value === undefined) return yield* refuse(option, `is missing: set ${name}.`)
    return node.value
  })

const defaults: Settings = {
  timeouts: { firstByte: Duration.minutes(2), total: Duration.minutes(5), idle: Duration.minutes(1) },
  maxEventLength: 10 * 1024 * 1024,
  transformRequest: undefined
}

/**
 * Settings with others in place of some of them.
 *
 * @internal
 */
export const override = <S extends Settings>(base: S, options: CallOptions): Effect.Effect<S, WeavConfigError> => {
  const { maxEventLength = base.maxEventLength, transformRequest = base.transformRequest } = options
  if (!Number.isSafeInteger(maxEventLength) || maxEventLength < 1) {
    return refuse("maxEventLength", `must be an integer of 1 or more, got ${String(maxEventLength)}.`)
  }
  return Effect.map(mergeTimeouts(base.timeouts, options.timeouts), (timeouts) => ({
    ...base,
    timeouts,
    maxEventLength,
    transformRequest
  }))
}

/**
 * Checks that a token can be sent: not empty, without `Bearer ` and without control characters.
 *
 * @internal
 */
export const checkToken = (token: Redacted.Redacted): Effect.Effect<Redacted.Redacted, WeavConfigError> => {
  const value = Redacted.value(token)
  if (typeof value !== "string" || value.trim() === "") {
    return refuse("authToken", "is empty. Give the token of your Weav.ai account.")
  }
  if (/^bearer\s/i.test(value)) {
    return refuse("authToken", 'begins with "Bearer ". Give the token alone: the prefix is added when it is sent.')
  }
  if (!/^[\x21-\x7e]+$/.test(value)) {
    return refuse(
      "authToken",
      "holds a space, a line break or another character that a header cannot carry. Was it cut out with its surroundings?"
    )
  }
  return Effect.succeed(token)
}

const refuse = (option: string, description: string) => Effect.fail(new WeavConfigError({ option, description }))

const example = 'Give "local" or a URL such as https://subdomain.weav.ai/.'

const baseUrl = (env: string | URL): Effect.Effect<string, WeavConfigError> => {
  if (env === "local") return Effect.succeed("http://localhost:7030")

  const url = URL.canParse(String(env)) ? new URL(String(env)) : undefined
  if (url === undefined) return refuse("env", `is no URL. ${example}`)
  if (url.username !== "" || url.password !== "") {
    return refuse("env", "holds a user name or password. Leave them out: the token alone authorizes.")
  }
  if (url.search !== "" || url.hash !== "") {
    return refuse("env", `holds a query or a fragment. ${example}`)
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return refuse("env", `has the scheme ${url.protocol}//, which is not HTTP. ${example}`)
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    return refuse(
      "env",
      `is plain http to ${url.hostname}, which would send the token unencrypted. Use https (http is for loopback only).`
    )
  }
  const path = url.pathname.replace(/\/+$/, "")
  if (path.endsWith("/chat-service")) {
    return refuse("env", "ends with /chat-service. Leave that out: it is added to the environment's URL.")
  }
  return Effect.succeed(`${url.origin}${path}/chat-service`)
}

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "[::1]" ||
  /^127\.\d+\.\d+\.\d+$/.test(hostname)

const mergeTimeouts = (
  base: Timeouts,
  overrides: CallOptions["timeouts"]
): Effect.Effect<Timeouts, WeavConfigError> => {
  if (overrides === undefined) return Effect.succeed(base)
  const merged: { -readonly [Limit in keyof Timeouts]: Duration.Duration } = { ...base }
  for (const limit of ["firstByte", "total", "idle"] as const) {
    const input = overrides[limit]
    if (input === undefined) continue
    const duration = Duration.fromInput(input)
    if (duration._tag === "None" || !(Duration.toMillis(duration.value) > 0)) {
      return refuse(`timeouts.${limit}`, `must be a duration above zero such as "30 seconds", got ${String(input)}.`)
    }
    merged[limit] = duration.value
  }
  return Effect.succeed(merged)
}
