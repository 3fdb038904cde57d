/** The exchange on `@weavai/undici`, which is for Node: `undici.ts TARGET`. */
import { UndiciHttpClient } from "@weavai/undici"
import process from "node:process"
import { effectExchange } from "./exchange.ts"

console.log(JSON.stringify([await effectExchange(JSON.parse(process.argv[2]!), UndiciHttpClient.layer())]))
