/**
 * Calls of the Effect edition that are interrupted, over `fetch`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import { connectionsOfFetch, effectWay, testInterruption } from "../support/interruption.ts"

const context = Effect.runSync(Effect.scoped(Layer.build(FetchHttpClient.layer)))

testInterruption([effectWay("fetch", Context.get(context, HttpClient.HttpClient), connectionsOfFetch)])
