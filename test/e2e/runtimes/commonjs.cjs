/** A CommonJS program: `commonjs.cjs TARGET`. */
const { chat } = require("@weavai/effect/ChatOperations")
const { ChatOperations, WeavConfig } = require("@weavai/effect")
const Promises = require("@weavai/promise")
const { Effect, Redacted } = require("effect")
const { FetchHttpClient } = require("effect/http")
const process = require("node:process")

const main = async () => {
  const { url, fileId, name } = JSON.parse(process.argv[2] ?? "")
  const request = { userInput: "What is the rent?", chatId: name, fileId }

  const client = Promises.createChatClient({ env: url, authToken: "any" })
  const { text } = await client.chat(request)
  await client.close()

  const config = WeavConfig.layer({ env: url, authToken: Redacted.make("any") })
  const reply = await Effect.runPromise(chat(request).pipe(Effect.provide([config, FetchHttpClient.layer])))

  // Both ways to load a module yield the same one, so that `instanceof` holds across them.
  const imported = await import("@weavai/promise")
  const isOne = imported.NotFound === Promises.NotFound && chat === ChatOperations.chat
  console.log(JSON.stringify([text, reply.text, isOne]))
}

main()
