// @ts-check
/** A CommonJS program over every package. */
const { ChatOperations } = require("@weavai/effect")
const { LocalServer } = require("@weavai/local")
const { createChatClient } = require("@weavai/promise")
const { UndiciHttpClient } = require("@weavai/undici")

const client = createChatClient({ env: "local", authToken: "any" })
/** @returns {Promise<string>} */
const rent = async () => (await client.chat({ userInput: "What is the rent?", chatId: "c", fileId: "f" })).text

for (const loaded of [rent, ChatOperations.chat, LocalServer.layer, UndiciHttpClient.layer]) console.log(typeof loaded)
