import { createChatClient } from "@weavai/promise"

export const run = async () => {
  await using client = createChatClient({ env: "https://subdomain.weav.ai/", authToken: "token" })
  const reply = await client.chat({ userInput: "What is the deductible?", chatId: "chat123", fileId: "file456" })
  console.log(reply.text)
}
