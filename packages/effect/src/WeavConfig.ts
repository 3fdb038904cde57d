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
import { shared } from "./internal/shared.ts"

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
 * Where tokens come from: one token, or an effect that yields one (rotating credentials). The effect is run for each
 * request, once for those that ask at the same time, and once more when the service refuses its token. When it fails,
 * the operation fails with `Unauthorized`.
 */
export type TokenSource = Redacted.Redacted | Effect.Effect<Redacted.Redacted, unknown>

/** Time limits. Each that passes is a `TimeoutError` that names it. */
export interface Timeouts {
  /** From one attempt's request until the response's headers. Default 2 minutes: an unstreamed answer is written before them. */
  readonly firstByte: Duration.Duration
  /** The whole of an unstreamed call, with all attempts and the pauses between them. Default 5 minutes. */
  readonly total: Duration.Duration
  /** The longest wait for the next piece of a streamed answer; keep-alives do not count. Default 1 minute. */
  readonly idle: Duration.Duration
}

/**
 * When a request is sent again. Reads are, after a `TransportError`, a `TimeoutError` and the statuses 429, 502, 503 and
 * 504. A message is only where the service certainly did not take it: no connection stood, 429, or 503 with a
 * `Retry-After`. A streamed answer is not asked for again once it has begun.
 */
export interface RetryPolicy {
  /** How often a request is sent at most, the first time included. Default 3. */
  readonly maxAttempts: number
  /** The longest first pause; it doubles with each attempt, and a pause is a random part of it. Default 500 ms. */
  readonly baseDelay: Duration.Duration
  /** The longest pause. Default 8 seconds. */
  readonly maxDelay: Duration.Duration
  /** The longest `Retry-After` to wait for; beyond it the error comes back at once. Default 60 seconds. */
  readonly maxRetryAfter: Duration.Duration
}

/** Settings that a single call can override. */
export interface CallOptions {
  /** Time limits; those left out stay as configured. */
  readonly timeouts?: { readonly [Limit in keyof Timeouts]?: Duration.Input | undefined } | undefined
  /** When a request is sent again, or `false` for never; what is left out stays as configured. */
  readonly retry?:
    | false
    | {
        readonly maxAttempts?: number | undefined
        readonly baseDelay?: Duration.Input | undefined
        readonly maxDelay?: Duration.Input | undefined
        readonly maxRetryAfter?: Duration.Input | undefined
      }
    | undefined
  /** How long one event of a streamed answer may be, in characters: at least 1, default 10 MiB (10,485,760). */
  readonly maxEventLength?: number | undefined
  /** How long the body of an unstreamed response may be, in bytes: at least 1, default 100 MiB (104,857,600). */
  readonly maxBodyLength?: number | undefined
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
    /** `undefined` to send every request once. */
    readonly retry: RetryPolicy | undefined
    readonly maxEventLength: number
    readonly maxBodyLength: number
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
    ? Effect.succeed(shared(source))
    : refuse("authToken", "is neither a Redacted, as Redacted.make(token) makes one, nor an effect that yields one.")
}

type Settings = Omit<WeavConfig["Service"], "baseUrl" | "authToken">

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

const defaultRetry: RetryPolicy = {
  maxAttempts: 3,
  baseDelay: Duration.millis(500),
  maxDelay: Duration.seconds(8),
  maxRetryAfter: Duration.seconds(60)
}

const defaults: Settings = {
  timeouts: { firstByte: Duration.minutes(2), total: Duration.minutes(5), idle: Duration.minutes(1) },
  retry: defaultRetry,
  maxEventLength: 10 * 1024 * 1024,
  maxBodyLength: 100 * 1024 * 1024,
  transformRequest: undefined
}

/**
 * Settings with others in place of some of them.
 *
 * @internal
 */
export const override = Effect.fnUntraced(function* <S extends Settings>(
  base: S,
  options: CallOptions
): Effect.fn.Return<S, WeavConfigError> {
  const {
    maxBodyLength = base.maxBodyLength,
    maxEventLength = base.maxEventLength,
    transformRequest = base.transformRequest
  } = options
  return {
    ...base,
    timeouts: yield* mergeDurations("timeouts", base.timeouts, options.timeouts),
    retry: yield* mergeRetry(base.retry, options.retry),
    maxEventLength: yield* checkCount("maxEventLength", maxEventLength),
    maxBodyLength: yield* checkCount("maxBodyLength", maxBodyLength),
    transformRequest
  }
})

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

const mergeRetry = Effect.fnUntraced(function* (base: RetryPolicy | undefined, overrides: CallOptions["retry"]) {
  if (overrides === undefined) return base
  if (overrides === false) return undefined
  if (typeof overrides !== "object" || overrides === null) {
    return yield* refuse("retry", `must be false or an object of settings, got ${String(overrides)}.`)
  }
  const { maxAttempts, ...durations } = overrides
  const { maxAttempts: configured, ...pauses } = base ?? defaultRetry
  return {
    ...(yield* mergeDurations("retry", pauses, durations)),
    maxAttempts: yield* checkCount("retry.maxAttempts", maxAttempts ?? configured)
  }
})

const checkCount = (option: string, count: number): Effect.Effect<number, WeavConfigError> =>
  Number.isSafeInteger(count) && count >= 1
    ? Effect.succeed(count)
    : refuse(option, `must be an integer of 1 or more, got ${String(count)}.`)

const mergeDurations = <Name extends string>(
  group: string,
  base: { readonly [N in Name]: Duration.Duration },
  overrides: { readonly [N in Name]?: Duration.Input | undefined } | undefined
): Effect.Effect<{ readonly [N in Name]: Duration.Duration }, WeavConfigError> => {
  if (overrides === undefined) return Effect.succeed(base)
  const merged: { [N in Name]: Duration.Duration } = { ...base }
  for (const name of Object.keys(base) as Array<Name>) {
    const input = overrides[name]
    if (input === undefined) continue
    const duration = Duration.fromInput(input)
    if (duration._tag === "None" || !(Duration.toMillis(duration.value) > 0)) {
      return refuse(`${group}.${name}`, `must be a duration above zero such as "30 seconds", got ${String(input)}.`)
    }
    merged[name] = duration.value
  }
  return Effect.succeed(merged)
}
