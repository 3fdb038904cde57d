import OpenAI from "openai"

export const run = async () => {
  const client = new OpenAI({ apiKey: "key" })
  const reply = await client.chat.completions.create({
    model: "model",
    messages: [{ role: "user", content: "What is the deductible?" }]
  })
  console.log(reply.choices[0]?.message.content)
}
