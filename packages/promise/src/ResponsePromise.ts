/**
 * The response beside the value that was read from it.
 */

/**
 * A promise of a value, and, when asked, of the response that it was read from.
 *
 * @example
 * ```ts
 * import { createChatClient } from "@weavai/promise"
 *
 * const client = createChatClient({ env: "local", authToken: "any" })
 * const { data, response } = await client.getChatHistory({ chatId: "chat123" }).withResponse()
 * console.log(data.messages.length, response.requestId)
 * ```
 */
export interface ResponsePromise<A> extends Promise<A> {
  /** The value, and the response that it was read from. */
  readonly withResponse: () => Promise<WithResponse<A>>
}

/** A value and the response that it was read from. */
export interface WithResponse<A> {
  readonly data: A
  readonly response: ResponseInfo
}

/** A response, without its body, which was read. */
export interface ResponseInfo {
  readonly status: number
  readonly headers: Headers
  /** The response's `x-request-id`, to quote to the service's operators. */
  readonly requestId: string | undefined
  /** Where the request was sent, after redirects, without its query. */
  readonly url: string
}
