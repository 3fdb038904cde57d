/**
 * Services that the compared clients talk to, each in a process of its own.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"

/** A service that is running. It stops when it is disposed of. */
export interface Service extends Disposable {
  readonly origin: string
}

/** A service in a process of its own. */
export interface ServiceProcess extends Service {
  readonly process: ChildProcess
}

/** Starts a module that serves, and tells its origin once it does. */
export const startService = async (module: string, ...options: ReadonlyArray<string>): Promise<ServiceProcess> => {
  const service = fork(new URL(module, import.meta.url), options, { execArgv: ["--conditions=weavai-source"] })
  const failed = Promise.withResolvers<never>()
  service.on("exit", (code) => failed.reject(new Error(`${module} ended with exit code ${code}`)))
  const [origin] = (await Promise.race([once(service, "message"), failed.promise])) as [string]
  return { origin, process: service, [Symbol.dispose]: () => service.kill() }
}

/** Tells the benchmark where this process serves, and ends with it. */
export const serveAt = (origin: string): void => {
  process.on("disconnect", () => process.exit())
  process.send!(origin)
}
