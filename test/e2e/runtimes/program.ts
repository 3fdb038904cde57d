/** The exchange as a program of Node, Bun and Deno: `program.ts TARGET`, the target and the outcomes as JSON. */
import process from "node:process"
import { effectExchange, promiseExchange } from "./exchange.ts"

const target = JSON.parse(process.argv[2]!)
const outcomes = [
  await effectExchange({ ...target, name: `${target.name}, effect` }),
  await promiseExchange({ ...target, name: `${target.name}, promise` })
]
console.log(JSON.stringify(outcomes))
