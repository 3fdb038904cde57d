/**
 * The response that a call's value was read from.
 */
import type { ResponseInfo } from "../ResponsePromise.ts"

/** A `fetch` that remembers what it brought last. Few ask for that, so it is looked at when they do. */
export const withLastResponse = (fetch: typeof globalThis.fetch) => {
  let last: { readonly input: RequestInfo | URL; readonly response: Promise<Response> } | undefined
  return {
    fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
      const response = fetch(input, init)
      last = { input, response }
      return response
    },
    /** The response; there is one where a value was read. */
    async response(): Promise<ResponseInfo> {
      const { input, response } = last!
      const { headers, status } = await response
      const { origin, pathname } = new URL(input instanceof Request ? input.url : input)
      return { status, headers, requestId: headers.get("x-request-id") ?? undefined, url: origin + pathname }
    }
  }
}
