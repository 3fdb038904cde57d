/**
 * The names that a server may be called by. A page of some other site can have that site's name resolve to this machine (DNS rebinding),
 * and the browser then takes the service for the site's own; but the name is still in the Host header.
 */
import * as Effect from "effect/Effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { isIP } from "node:net"

/** Whether no other machine can reach the address. */
export const isLoopback = (host: string): boolean => /^(?:127(?:\.\d{1,3}){3}|localhost|::1)$/i.test(host)

/** Refuses requests to any host but an IP address, `localhost` or a name below it, and the given names. */
export const hostCheck = (names: ReadonlyArray<string>) => {
  const isKnown = hostMatcher(names)
  return HttpRouter.middleware(
    (httpEffect) =>
      Effect.gen(function* () {
        const { host } = (yield* HttpServerRequest.HttpServerRequest).headers
        // Only HTTP/1.0 can do without one, and no browser speaks that.
        if (host === undefined || isKnown(host)) return yield* httpEffect
        const detail = `This service does not go by the name "${host}". Call it by its IP address or as localhost, or start it with that name among its allowed hosts.`
        return HttpServerResponse.jsonUnsafe({ detail }, { status: 421 })
      }),
    { global: true }
  )
}

const hostMatcher = (names: ReadonlyArray<string>) => {
  const known = new Set(names.map((name) => name.toLowerCase()))
  return (header: string): boolean => {
    const [, ipv6, name = ""] = hostAndPort.exec(header.toLowerCase()) ?? []
    // No name resolves to a page that was loaded from an address: what is called by its address was meant.
    return ipv6 === undefined
      ? isIP(name) === 4 || name === "localhost" || name.endsWith(".localhost") || known.has(name)
      : isIP(ipv6) === 6
  }
}

/** `[address]:port` or `name:port`, the port optional and a name perhaps closed by a dot. */
const hostAndPort = /^(?:\[([^\]]*)\]|([^:/@[\]\s]+?)\.?)(?::\d*)?$/
