/** The exchange as a worker: a request's body is the target, the response's the outcomes. */
import { effectExchange, promiseExchange } from "./exchange.ts"

export default {
  async fetch(request: Request): Promise<Response> {
    const target = await request.json()
    return Response.json([
      await effectExchange({ ...target, name: `${target.name}, effect` }),
      await promiseExchange({ ...target, name: `${target.name}, promise` })
    ])
  }
}
