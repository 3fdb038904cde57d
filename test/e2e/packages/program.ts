/** The first program of somebody who has just installed the packages. */
import { ChatOperations, ChatStream, WeavConfig } from "@weavai/effect"
import { chat } from "@weavai/effect/ChatOperations"
import { Reply, ScriptedChat } from "@weavai/effect/testing"
import { LocalServer } from "@weavai/local"
import { createChatClient, NotFound } from "@weavai/promise"
import { UndiciHttpClient } from "@weavai/undici"
import { Effect, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"

const program = Effect.gen(function* () {
  const { documents, url } = yield* LocalServer
  const request = { userInput: "What is the rent?", chatId: "c", fileId: documents[0]!.fileId }
  const config = WeavConfig.layer({ env: url, authToken: Redacted.make("any") })

  const streamed = yield* ChatOperations.streamChat(request).pipe(
    ChatStream.collect,
    Effect.provide([config, FetchHttpClient.layer])
  )
  console.log("effect:", streamed.text)

  const reply = yield* chat(request).pipe(Effect.provide([config, UndiciHttpClient.layer()]))
  console.log("undici:", reply.text)

  const scripted = yield* chat(request).pipe(Effect.provide([config, ScriptedChat.layer([Reply.chat("As scripted.")])]))
  console.log("scripted:", scripted.text)

  yield* Effect.promise(async () => {
    await using client = createChatClient({ env: url, authToken: "any" })
    console.log("promise:", (await client.chat(request)).text)
    await client.getChatHistory({ chatId: "nobody" }).catch((error: unknown) => {
      console.log("not found:", error instanceof NotFound)
    })
  })
})

await Effect.runPromise(program.pipe(Effect.provide(LocalServer.layer({ port: 0, documents: ["lease.md"] }))))
