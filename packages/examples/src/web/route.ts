/**
 * The answer to a question about one document, streamed to a browser. Web standards on both sides: the same handler runs on
 * Node, Bun, Deno, Cloudflare's workerd and in the frameworks that take a `Request` and give a `Response`.
 */
import { ApiError, type ChatClient, NotFound } from "@weavai/promise"

/** A handler of `POST` with the JSON `{"question", "chatId"}`: the answer as Server-Sent Events. */
export const makeAnswerRoute =
  (client: ChatClient, fileId: string) =>
  async (request: Request): Promise<Response> => {
    const message = await request.json().catch(() => undefined)
    if (typeof message?.question !== "string" || typeof message.chatId !== "string") {
      return problem(400, 'Send JSON with a "question" and a "chatId".')
    }
    const { question: userInput, chatId } = message
    try {
      // The signal is aborted when the browser leaves before the first piece; after that, the response is cancelled.
      return await client.streamChat({ userInput, chatId, fileId }, { signal: request.signal }).toResponse()
    } catch (error) {
      if (request.signal.aborted) return new Response(null, { status: 499 })
      return problemOf(error)
    }
  }

/** What a browser is told: nothing of the service or its token, which its user can do nothing about. */
const problemOf = (error: unknown): Response => {
  if (error instanceof NotFound) return problem(404, "There is no such document.")
  if (error instanceof ApiError) {
    switch (error.reason._tag) {
      case "InvalidRequest":
        return problem(400, "This question cannot be asked.")
      case "RateLimited":
        return problem(503, "Too many questions at the moment. Ask again in a minute.")
    }
  }
  console.error(error)
  return problem(502, "The question could not be answered. Ask again later.")
}

const problem = (status: number, message: string): Response => Response.json({ message }, { status })
