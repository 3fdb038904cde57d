import { createChatClient } from "@weavai/promise"

export const run = async () => {
  await using client = createChatClient({ env: "https://subdomain.weav.ai/", authToken: "token" })
  const answer = client.streamChat({ userInput: "What is the deductible?", chatId: "chat123", fileId: "file456" })
  for await (const text of answer.text()) console.log(text)
}
