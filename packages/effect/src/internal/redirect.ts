/**
 * Redirects: followed within the service's origin, where the token belongs, and explained where they lead out of it.
 */
import type { Call } from "./http.ts"

/** Whether a response sends the client elsewhere. Status 0 is all that a browser tells of one. */
export const isRedirect = (status: number): boolean => [0, 301, 302, 303, 307, 308].includes(status)

/** Where to send the request instead, or, in words, why it is not sent there and what to do. */
export const followRedirect = (
  { headers, status }: { readonly status: number; readonly headers: { readonly [name: string]: string | undefined } },
  method: Call["method"],
  /** Where the request was sent. */
  from: string,
  /** How many redirects led there. */
  count: number
): URL | string => {
  if (status === 0) return `a redirect, whose aim a browser hides: ${advice}`
  const { location } = headers
  if (location === undefined || !URL.canParse(location, from)) {
    return `a redirect ${location === undefined ? "without a location" : "to what is no URL"}: ${advice}`
  }
  const to = new URL(location, from)
  const home = new URL(from)
  to.username = to.password = to.hash = ""
  // A query is left out: it may hold a secret.
  const aim = `${to.protocol}//${to.host}${to.pathname}`
  if (to.protocol === "http:" && home.protocol === "https:") {
    return `a redirect to ${aim}, which would send the token unencrypted: the gateway has to redirect to https`
  }
  if (to.origin !== home.origin) {
    const toDo = aim.includes(prefix) ? `set env to ${aim.split(prefix, 1)[0]}` : advice
    return `a redirect to ${aim}, away from ${home.origin}, where the token belongs: ${toDo}`
  }
  if (method === "POST" && status < 307) return `a redirect of a message to ${aim}, which would lose it: ${advice}`
  if (count === maxRedirects) return `redirect ${count + 1} in a row, to ${aim}: ${advice}`
  return to
}

const maxRedirects = 5

const prefix = "/chat-service"

const advice = "set env to the service's own address"
