/**
 * Where the service is, with which token to call it, and within which limits.
 *
 * @module
 */
import type * as Config from "effect/Config"
import type { ConfigProvider } from "effect/ConfigProvider"
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
 * `Retry-After`; or where `onUncertain: "reconcile"` found that it did not arrive. A streamed answer is not asked for
 * again once it has begun.
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
  /**
   * Changes a request before it is sent, e.g. to add a header; one that follows a redirect, too. The request has to stay
   * at the service's origin. The authorization header is set after it.
   */
  readonly transformRequest?: ((request: HttpClientRequest) => HttpClientRequest) | undefined
  /**
   * Whether requests carry trace headers (`traceparent`, `b3`), so that the service's spans become part of the caller's
   * trace. A browser asks the service for leave to send them, which it has to give. Default `false`.
   */
  readonly propagateTrace?: boolean | undefined
}

/** What {@link WeavConfig} is made from. */
export interface WeavConfigOptions extends CallOptions {
  /** `local` for a service on `http://localhost:7030`, or the environment's URL, e.g. `https://subdomain.weav.ai/`. */
  readonly env: string | URL
  /** The token without `Bearer `, or an effect that yields one. */
  readonly authToken: TokenSource
}

/** What a {@link WeavConfig} from the environment is made from. */
export interface LayerConfigOptions extends CallOptions {
  /** Default: `WEAV_ENV`. */
  readonly env?: Config.Config<string> | undefined
  /** Default: `WEAV_AUTH_TOKEN`. */
  readonly authToken?: Config.Config<Redacted.Redacted> | undefined
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
    /** Changes each request before it is sent. */
    readonly transformRequest: ((request: HttpClientRequest) => HttpClientRequest) | undefined
    readonly propagateTrace: boolean
  }
>()("@weavai/effect/WeavConfig") {
  /** Checks the options and completes them with defaults. Fails with a `WeavConfigError` that says what to change. */
  static readonly make = (options: WeavConfigOptions): Effect.Effect<WeavConfig["Service"], WeavConfigError> =>
    checked(() =>
      WeavConfig.of({
        baseUrl: baseUrl(options.env),
        authToken: tokenSource(options.authToken),
        ...merge(defaults, options)
      })
    )

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
    options: LayerConfigOptions = {}
  ): Layer.Layer<WeavConfig, WeavConfigError | Config.ConfigError> => Layer.effect(WeavConfig, fromEnvironment(options))
}

const fromEnvironment = (
  options: LayerConfigOptions
): Effect.Effect<WeavConfig["Service"], WeavConfigError | Config.ConfigError> => {
  type Given<A> = Effect.Effect<A, WeavConfigError | Config.ConfigError>
  const env: Given<string> = options.env ?? variable("env", "WEAV_ENV")
  const authToken: Given<Redacted.Redacted> =
    options.authToken ?? Effect.map(variable("authToken", "WEAV_AUTH_TOKEN"), Redacted.make)
  return Effect.flatMap(env, (env) =>
    Effect.flatMap(authToken, (authToken) => WeavConfig.make({ ...options, env, authToken }))
  )
}

type Settings = Omit<WeavConfig["Service"], "baseUrl" | "authToken">

/** A variable of the provider in force, or of the process's environment where none was provided. */
const variable = (option: string, name: string): Effect.Effect<string, WeavConfigError> =>
  Effect.flatMap(Provider, (provider) => {
    const environment = (globalThis as { process?: { env?: { readonly [name: string]: string | undefined } } }).process
      ?.env
    const load = provider?.load([name]) ?? Effect.succeed({ value: environment?.[name] })
    return Effect.matchEffect(load, {
      onFailure: ({ message }) => Effect.fail(refusal(option, `could not be read from ${name}: ${message}`)),
      onSuccess: (node) =>
        node?.value === undefined
          ? Effect.fail(refusal(option, `is missing: set ${name}.`))
          : Effect.succeed(node.value)
    })
  })

/**
 * Effect's `ConfigProvider`, by its key: its module is in every program that imports it, 0.5 kB of a bundle, and
 * `Config`'s constructors bring all of `effect/Schema`, 15 kB.
 */
const Provider = Context.Reference<ConfigProvider | undefined>("effect/ConfigProvider", {
  defaultValue: () => undefined
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
  transformRequest: undefined,
  propagateTrace: false
}

/**
 * Settings with others in place of some of them.
 *
 * @internal
 */
export const override = <S extends Settings>(base: S, options: CallOptions): Effect.Effect<S, WeavConfigError> =>
  checked(() => merge(base, options))

/**
 * Checks that a token can be sent: not empty, without `Bearer ` and without control characters.
 *
 * @internal
 */
export const checkToken = (token: Redacted.Redacted): Effect.Effect<Redacted.Redacted, WeavConfigError> =>
  checked(() => validToken(token))

/** Runs checks. They throw what is wrong, so that each of them need not be an effect. */
const checked = <A>(check: () => A): Effect.Effect<A, WeavConfigError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(check())
    } catch (error) {
      if (error instanceof WeavConfigError) return Effect.fail(error)
      throw error
    }
  })

const refusal = (option: string, description: string) => new WeavConfigError({ option, description })

const refuse = (option: string, description: string): never => {
  throw refusal(option, description)
}

const merge = <S extends Settings>(base: S, options: CallOptions): S => {
  const {
    maxBodyLength = base.maxBodyLength,
    maxEventLength = base.maxEventLength,
    propagateTrace = base.propagateTrace,
    transformRequest = base.transformRequest
  } = options
  if (typeof propagateTrace !== "boolean") refuse("propagateTrace", "must be true or false.")
  return {
    ...base,
    timeouts: mergeDurations("timeouts", base.timeouts, options.timeouts),
    retry: mergeRetry(base.retry, options.retry),
    maxEventLength: validCount("maxEventLength", maxEventLength),
    maxBodyLength: validCount("maxBodyLength", maxBodyLength),
    transformRequest,
    propagateTrace
  }
}

const tokenSource = (source: TokenSource): TokenSource => {
  if (Redacted.isRedacted(source)) return validToken(source)
  if (Effect.isEffect(source)) return shared(source)
  return refuse("authToken", "must be Redacted.make(token), or an effect that yields such a value.")
}

const validToken = (token: Redacted.Redacted): Redacted.Redacted => {
  const value = Redacted.value(token)
  if (typeof value !== "string" || value.trim() === "") {
    refuse("authToken", "is empty. Give the token of your account.")
  }
  if (/^bearer\s/i.test(value)) {
    refuse("authToken", 'begins with "Bearer ". Give the token alone: the prefix is added when it is sent.')
  }
  if (!/^[\x21-\x7e]+$/.test(value)) {
    refuse("authToken", "holds a space, a line break or another character that a header cannot carry.")
  }
  return token
}

const example = 'Give "local" or a URL such as https://subdomain.weav.ai/.'

const baseUrl = (env: string | URL): string => {
  if (env === "local") return "http://localhost:7030"

  const url = URL.canParse(String(env)) ? new URL(String(env)) : undefined
  if (url === undefined) return refuse("env", `is no URL. ${example}`)
  if (url.username !== "" || url.password !== "") {
    return refuse("env", "holds a user name or password. The token alone authorizes.")
  }
  if (url.search !== "" || url.hash !== "") {
    return refuse("env", `holds a query or a fragment. ${example}`)
  }
  if (!/^https?:$/.test(url.protocol)) {
    return refuse("env", `has the scheme ${url.protocol}//, which is not HTTP. ${example}`)
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    return refuse("env", `is plain http to ${url.hostname}, which would send the token unencrypted. Use https.`)
  }
  const path = url.pathname.replace(/\/+$/, "")
  if (path.endsWith("/chat-service")) {
    return refuse("env", "ends with /chat-service. Leave that out: it is added to the environment's URL.")
  }
  return `${url.origin}${path}/chat-service`
}

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "[::1]" ||
  /^127\.\d+\.\d+\.\d+$/.test(hostname)

const mergeRetry = (base: RetryPolicy | undefined, overrides: CallOptions["retry"]): RetryPolicy | undefined => {
  if (overrides === undefined) return base
  if (overrides === false) return undefined
  if (typeof overrides !== "object" || overrides === null) {
    return refuse("retry", `must be false or an object of settings, got ${String(overrides)}.`)
  }
  const { maxAttempts, ...durations } = overrides
  const { maxAttempts: configured, ...pauses } = base ?? defaultRetry
  return {
    ...mergeDurations("retry", pauses, durations),
    maxAttempts: validCount("retry.maxAttempts", maxAttempts ?? configured)
  }
}

const validCount = (option: string, count: number): number =>
  Number.isSafeInteger(count) && count >= 1
    ? count
    : refuse(option, `must be an integer of 1 or more, got ${String(count)}.`)

const mergeDurations = <Name extends string>(
  group: string,
  base: { readonly [N in Name]: Duration.Duration },
  overrides: { readonly [N in Name]?: Duration.Input | undefined } | undefined
): { readonly [N in Name]: Duration.Duration } => {
  if (overrides === undefined) return base
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
  return merged
}
