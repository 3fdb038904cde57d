/** The exchange in a web page, for the test to call. */
import { effectExchange, promiseExchange } from "./exchange.ts"

Object.assign(globalThis, { effectExchange, promiseExchange })
