/**
 * The chat service, running: behind a port of this machine, or inside the program that uses it.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { FetchHttpClient, HttpClient, HttpEffect, HttpRouter, HttpServer, type HttpServerRequest } from "effect/http"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Schema from "effect/Schema"
import { stat } from "node:fs/promises"
import { Chats } from "./Chats.ts"
import { Database, type DatabaseError } from "./Database.ts"
import { type Document, DocumentError, Documents } from "./Documents.ts"
import { type FaultRule, type FaultRuleError, makeJudge } from "./Faults.ts"
import { application } from "./internal/application.ts"
import { connectionReset, CutConnection } from "./internal/faultInjection.ts"
import { isLoopback } from "./internal/hosts.ts"
import { makeNodeServer } from "./internal/nodeServer.ts"

/** The server could not listen where it was told to; `message` says why and what to do. */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  message: Schema.String,
  host: Schema.String,
  port: Schema.Number,
  cause: Schema.Defect()
}) {}

/** What a chat service can be told, wherever it runs. */
export interface ServiceOptions {
  /** The one token to accept, without blanks in it. When left out, any token is accepted, though a request has to bear one. */
  readonly token?: Redacted.Redacted | undefined
  /** The database file. Default `":memory:"`, which keeps nothing. */
  readonly data?: string | undefined
  /** Files and folders of documents to add before the first request. */
  readonly documents?: ReadonlyArray<string> | undefined
  /** How long to wait between two pieces of a streamed answer. Default 0. */
  readonly pieceDelay?: Duration.Input | undefined
  /** The origins whose web pages may call the service; `true` for all. Default none. */
  readonly cors?: boolean | ReadonlyArray<string> | undefined
  /**
   * Faults to make, so that a program's tests can rehearse them: the rules are tried on each request in their order. One that
   * cannot be followed fails the layer with `FaultRuleError`. Default none.
   */
  readonly faults?: ReadonlyArray<FaultRule> | undefined
  /** Decides which requests a rule's `probability` strikes: the same ones each time for the same order of requests. Default 0. */
  readonly faultSeed?: number | string | undefined
}

/** Where a server listens, besides {@link ServiceOptions}. */
export interface ServerOptions extends ServiceOptions {
  /** 0 takes any free one. Default 7030, where the SDK's `env: "local"` looks. */
  readonly port?: number | undefined
  /** The address to listen on. Default `"127.0.0.1"`, which no other machine can reach; any that others can reach is warned about. */
  readonly host?: string | undefined
  /**
   * The names, without ports, by which clients may call the service, besides `host`, any IP address, `localhost` and the names
   * below it. A request to any other is refused with 421: so a web page cannot have its own name lead to the service (DNS
   * rebinding). Default none.
   */
  readonly allowedHosts?: ReadonlyArray<string> | undefined
  /** How long a request may take to arrive, its body included, before its connection is closed. Default 30 seconds. */
  readonly requestTimeout?: Duration.Input | undefined
}

/**
 * A running chat service.
 *
 * @example
 * ```ts
 * import { LocalServer } from "@weavai/local"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const { url, documents } = yield* LocalServer
 *   yield* Effect.log(`${documents.length} documents at ${url}`)
 * })
 * const runnable = program.pipe(Effect.provide(LocalServer.layer({ port: 0, documents: ["./policies"] })))
 * ```
 */
export class LocalServer extends Context.Service<
  LocalServer,
  {
    /** The address without a slash at its end, such as `http://127.0.0.1:7030`. */
    readonly url: string
    /** All documents that can be asked about, with the ids to ask by. */
    readonly documents: ReadonlyArray<Document>
    /** The files in the given folders that are no readable documents, and why. */
    readonly skipped: ReadonlyArray<DocumentError>
  }
>()("@weavai/local/LocalServer") {
  /**
   * Listens on a port. When its scope closes, the server takes no further requests, gives those under way five seconds, and cuts
   * off what is left.
   */
  static readonly layer = (
    options: ServerOptions = {}
  ): Layer.Layer<LocalServer | Chats | Documents, ListenError | DocumentError | DatabaseError | FaultRuleError> =>
    isolated(Layer.effect(LocalServer, listen(options)).pipe(Layer.provideMerge(storage(options))))

  /**
   * The same service as the `HttpClient` of the program it runs in: no port, no socket. Every request of that client, whatever its
   * host, is answered by the service.
   *
   * @example
   * ```ts
   * import { ChatOperations, WeavConfig } from "@weavai/effect"
   * import { LocalServer } from "@weavai/local"
   * import { Effect, Redacted } from "effect"
   *
   * const answer = Effect.gen(function* () {
   *   const { documents } = yield* LocalServer
   *   return yield* ChatOperations.chat({ userInput: "Is hail covered?", chatId: "test", fileId: documents[0]!.fileId })
   * }).pipe(
   *   Effect.provide(WeavConfig.layer({ env: "local", authToken: Redacted.make("any") })),
   *   Effect.provide(LocalServer.layerHttpClient({ documents: ["./policies"] }))
   * )
   * ```
   */
  static readonly layerHttpClient = (
    options: ServiceOptions = {}
  ): Layer.Layer<
    HttpClient.HttpClient | LocalServer | Chats | Documents,
    DocumentError | DatabaseError | FaultRuleError
  > => isolated(Layer.effectContext(embed(options)).pipe(Layer.provideMerge(storage(options))))
}

/**
 * Built from scratch for every layer value. Effect builds a layer once that is met twice, and the storage, the router and the fetch
 * client are the same layers in every service: two services in one program would be one, and its own fetch client the service's.
 */
const isolated = <A, E>(layer: Layer.Layer<A, E>) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const memoMap = yield* Layer.makeMemoMap
      const context = yield* Layer.buildWithMemoMap(layer, memoMap, yield* Effect.scope)
      return Context.omit(Layer.CurrentMemoMap)(context)
    })
  )

const storage = (options: ServiceOptions) =>
  Chats.layer.pipe(Layer.provideMerge(Documents.layer), Layer.provide(Database.layer({ filename: options.data })))

const routes = Effect.fnUntraced(function* (
  { faults = [], faultSeed = 0, ...options }: ServiceOptions,
  hosts?: ReadonlyArray<string>
) {
  return application({
    token: options.token,
    pieceDelay: Duration.fromInputUnsafe(options.pieceDelay ?? 0),
    cors: options.cors ?? false,
    hosts,
    judge: faults.length === 0 ? undefined : yield* makeJudge(faults, faultSeed)
  })
})

const listen = Effect.fnUntraced(function* (options: ServerOptions) {
  const { port = 7030, host = "127.0.0.1" } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return yield* listenError(host, port, new RangeError("a port is an integer from 0 to 65535"))
  }
  const app = yield* routes(options, [host, ...(options.allowedHosts ?? [])])
  const library = yield* load(options.documents ?? [])
  const { server, closeUnused } = makeNodeServer(millisOf(options.requestTimeout ?? "30 seconds"))
  const running = yield* HttpRouter.serve(app, { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => server, { port, host, gracefulShutdownTimeout: "5 seconds" })),
    Layer.build,
    Effect.mapError(({ cause }) => listenError(host, port, cause))
  )
  // Added last, so it comes first: before the server waits for the requests under way.
  yield* Effect.addFinalizer(() => Effect.sync(closeUnused))
  if (!isLoopback(host)) {
    yield* Effect.logWarning(
      `Other machines can reach ${host}${options.token === undefined ? ", and any token is accepted: set one" : ""}.`
    )
  }
  const { address } = Context.get(running, HttpServer.HttpServer)
  return LocalServer.of({ ...library, url: urlOf(address) })
})

const embed = Effect.fnUntraced(function* (options: ServiceOptions) {
  const app = yield* routes(options)
  const library = yield* load(options.documents ?? [])
  const context = yield* app.pipe(
    Layer.provideMerge(HttpRouter.layer),
    Layer.provideMerge(HttpServer.layerServices),
    Layer.build
  )
  const ambient = yield* Effect.context<never>()
  const router = Context.get(context, HttpRouter.HttpRouter)
  const webHandler = HttpEffect.toWebHandlerWith<never, HttpServerRequest.HttpServerRequest | Scope.Scope>(
    Context.merge(ambient, context)
  )
  const handle = webHandler(router.asHttpEffect())
  const fetch: typeof globalThis.fetch = (input, init) => {
    const lost = Promise.withResolvers<never>()
    const cut = () => Effect.sync(() => lost.reject(connectionReset("fetch failed")))
    return Promise.race([lost.promise, handle(new Request(input, init), Context.make(CutConnection, cut))])
  }
  const client = yield* FetchHttpClient.layer.pipe(
    Layer.provide(Layer.succeed(FetchHttpClient.Fetch)(fetch)),
    Layer.build
  )
  return Context.add(client, LocalServer, LocalServer.of({ ...library, url: "http://localhost:7030" }))
})

/** Whole milliseconds that Node's timers can count: 1 to 2^31 - 1. */
const millisOf = (duration: Duration.Input): number =>
  Math.min(Math.max(1, Math.ceil(Duration.toMillis(Duration.fromInputUnsafe(duration)))), 2 ** 31 - 1)

/** Adds what is at the paths and lists what is there to ask about. */
const load = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
  const documents = yield* Documents
  const skipped = yield* Effect.forEach(
    paths,
    Effect.fnUntraced(function* (path) {
      const isDirectory = yield* Effect.tryPromise({
        try: () => stat(path).then((stats) => stats.isDirectory()),
        catch: (cause) =>
          new DocumentError({ reason: "Unreadable", path, message: "There is no such file or folder to read.", cause })
      })
      if (isDirectory) return (yield* documents.addDirectory(path)).skipped
      yield* documents.addFile(path)
      return []
    })
  )
  return { documents: yield* documents.list, skipped: skipped.flat() }
})

const urlOf = (address: NetAddress.SocketAddress): string => {
  if (NetAddress.isUnixPathAddress(address) || !NetAddress.isUnspecified(address.address)) {
    return HttpServer.formatAddress(address)
  }
  return `http://localhost:${address.port}`
}

const listenError = (host: string, port: number, cause: unknown): ListenError =>
  new ListenError({ message: faultOf(host, port, cause), host, port, cause })

const faultOf = (host: string, port: number, cause: unknown): string => {
  switch (Predicate.hasProperty(cause, "code") ? cause.code : undefined) {
    case "EADDRINUSE":
      return `Port ${port} of ${host} is taken by another program. Stop that program, or choose another port (0 takes any free one).`
    case "EACCES":
      return `This user may not listen on port ${port} of ${host}. Choose a port of 1024 or more.`
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `This machine has no address ${host}. Choose 127.0.0.1 for this machine alone, or 0.0.0.0 for all its addresses.`
    default:
      return `Cannot listen on port ${port} of ${host}: ${Predicate.isError(cause) ? cause.message : String(cause)}`
  }
}
