/**
 * Calls of the Effect edition that are interrupted, over undici.
 */
import { UndiciHttpClient } from "@weavai/undici"
import { Agent } from "undici"
import { type Connections, effectWay, testInterruption } from "../support/interruption.ts"

const agent = new Agent()

testInterruption([
  effectWay("undici", UndiciHttpClient.make(agent), (url) => agent.stats[url] as Connections | undefined)
])
