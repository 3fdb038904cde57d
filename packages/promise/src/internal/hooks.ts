/**
 * The hooks of a client as an observer of its calls.
 */
import type { CallObserver } from "@weavai/effect/CallObserver"
import { type ChatError, WeavConfigError } from "../ChatError.ts"
import type { RequestHooks } from "../RequestHooks.ts"

const names = ["onRequest", "onResponse", "onRetry", "onEnd"] as const

/** The observer that calls the hooks, `undefined` where there are none. Throws a `WeavConfigError` for what is no hook. */
export const observerOf = (hooks: RequestHooks): CallObserver | undefined => {
  const given = names.filter((name) => hooks[name] !== undefined)
  const wrong = given.find((name) => typeof hooks[name] !== "function")
  if (wrong !== undefined) throw new WeavConfigError({ option: wrong, description: "must be a function." })
  return given.length === 0 ? undefined : observe(hooks)
}

const observe = ({ onEnd, onRequest, onResponse, onRetry }: RequestHooks): CallObserver => {
  let calls = 0
  return ({ operation }) => {
    const call = ++calls
    const began = performance.now()
    let attempt = 0
    let sent = began
    return {
      onRequest(request) {
        attempt++
        sent = performance.now()
        notify(onRequest, { call, attempt, ...request })
      },
      onResponse({ headers, ...response }) {
        const durationMs = performance.now() - sent
        notify(onResponse, { call, attempt, durationMs, requestId: headers["x-request-id"], ...response })
      },
      onRetry: ({ delay, error }) => notify(onRetry, { call, operation, attempt, error, delayMs: delay }),
      onEnd(end) {
        const outcome = end.outcome === "interrupted" ? "aborted" : end.outcome
        const error = end.outcome === "failure" ? (end.error as ChatError) : undefined
        notify(onEnd, { call, operation, outcome, error, attempts: attempt, durationMs: performance.now() - began })
      }
    }
  }
}

const notify = <Event>(hook: ((event: Event) => void) | undefined, event: Event): void => {
  try {
    hook?.(event)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
