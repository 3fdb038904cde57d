/**
 * Puts distance between a client and a service: bytes from the service arrive so many milliseconds later.
 */
import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import type { Service } from "./service.ts"

export const atDistance = async (service: Service, milliseconds: number): Promise<Service> => {
  const { hostname, port } = new URL(service.origin)
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    client.pipe(upstream)
    upstream.on("data", (bytes) => setTimeout(() => client.write(bytes), milliseconds))
    upstream.on("error", () => client.destroy())
    upstream.on("close", () => setTimeout(() => client.end(), milliseconds))
    client.on("error", () => upstream.destroy())
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => server.close()
  }
}
