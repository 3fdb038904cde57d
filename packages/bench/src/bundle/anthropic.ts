import Anthropic from "@anthropic-ai/sdk"

export const run = async () => {
  const client = new Anthropic({ apiKey: "key" })
  const reply = await client.messages.create({
    model: "model",
    max_tokens: 100,
    messages: [{ role: "user", content: "What is the deductible?" }]
  })
  console.log(reply.content)
}
