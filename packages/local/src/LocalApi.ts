/**
 * The contract of the chat service: the platform's three operations as its clients know them, and what this service adds.
 */
import { ChatHistoryResponse, ChatLogsResponse, ChatResponse } from "@weavai/effect"
import * as Context from "effect/Context"
import {
  HttpApi,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity,
  OpenApi
} from "effect/http-api"
import * as Schema from "effect/Schema"
import * as Parameter from "./internal/parameter.ts"
import { Problem, rule } from "./internal/validation.ts"
import { version } from "./internal/version.ts"

/** 401: the `Authorization` header is missing or malformed, or its token is not the service's. */
export class Unauthorized extends Schema.Error<Unauthorized>("Unauthorized")(
  { detail: Schema.String },
  { httpApiStatus: 401, description: "The bearer token is missing or not the right one" }
) {}

/** 404: no such chat, document or path. */
export class NotFound extends Schema.Error<NotFound>("NotFound")(
  { detail: Schema.String },
  { httpApiStatus: 404, description: "There is no such chat, document or path" }
) {}

/** 413: the body is longer than 1 MiB. */
export class ContentTooLarge extends Schema.Error<ContentTooLarge>("ContentTooLarge")(
  { detail: Schema.String },
  { httpApiStatus: 413, description: "The body is longer than 1 MiB" }
) {}

/** 422: the request breaks the contract; one problem for every wrong field. */
export class ValidationError extends Schema.Error<ValidationError>("ValidationError")(
  { detail: Schema.Array(Problem) },
  { httpApiStatus: 422, description: "A field of the query or of the body is missing or wrong" }
) {}

/** Who asks, as far as the bearer token tells. */
export class Caller extends Context.Service<Caller, { readonly userId: string }>()("@weavai/local/LocalApi/Caller") {}

/** Lets only requests with the right bearer token through, and names their {@link Caller}. */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: Caller }>()(
  "@weavai/local/LocalApi/Authorization",
  {
    security: {
      bearer: HttpApiSecurity.bearer.pipe(
        HttpApiSecurity.annotateMerge(
          OpenApi.annotations({
            description: "The token the service was started with; any token at all when it was started with none."
          })
        )
      )
    },
    error: Unauthorized
  }
) {}

/** Answers a request whose query does not decode with a {@link ValidationError}. */
export class Validation extends HttpApiMiddleware.Service<Validation>()("@weavai/local/LocalApi/Validation", {
  error: ValidationError
}) {}

/** The body of `POST /chat`. */
export const ChatRequest = Schema.Struct({
  user_input: Parameter.Text,
  file_id: Parameter.Text.annotate({ description: "The document to ask: a `file_id` of `GET /documents`" }),
  chat_id: Parameter.Text.annotate({ description: "The chat to ask in, begun with its first message" }),
  stream: Schema.optionalKey(Parameter.BodyFlag).annotate({
    description: "Whether the answer comes in pieces, as Server-Sent Events"
  }),
  is_sop_chat: Schema.optionalKey(Parameter.BodyFlag).annotate({
    description: "Marks the messages for the logs' filter of the same name: an extension of this service"
  })
}).annotate({ identifier: "ChatRequest", message: rule.object.msg })

/** The query of `GET /chat_logs/`. */
export const ChatLogsQuery = Schema.Struct({
  skip: Schema.optionalKey(Parameter.NotNegative),
  limit: Schema.optionalKey(Parameter.Positive),
  start_datetime: Schema.optionalKey(Parameter.Datetime),
  end_datetime: Schema.optionalKey(Parameter.Datetime),
  is_sop_chat: Schema.optionalKey(Parameter.Flag)
})

/** A document that can be asked about. */
export const DocumentInfo = Schema.Struct({
  file_id: Schema.String,
  file_name: Schema.String,
  page_count: Schema.Int
}).annotate({ identifier: "Document" })

const chatLogs = HttpApiEndpoint.get("chatLogs", "/chat_logs/", { query: ChatLogsQuery, success: ChatLogsResponse })
  .annotateMerge(
    OpenApi.annotations({
      summary: "The messages of all chats, newest first, a page at a time",
      description:
        "`skip` (default 0) leaves out that many of the newest rows, `limit` (default 25, capped at 1000) gives that many of the next. " +
        "`start_datetime` and `end_datetime` both include the moment they name; an empty one is ignored. " +
        "`is_sop_chat` (default false) gives the rows of SOP chats only, or of all other chats only."
    })
  )
  .middleware(Validation)
  .middleware(Authorization)

const chatHistory = HttpApiEndpoint.get("chatHistory", "/chat_history", {
  query: Schema.Struct({ chat_id: Parameter.Text }),
  success: ChatHistoryResponse,
  error: NotFound
})
  .annotateMerge(OpenApi.annotations({ summary: "The messages of one chat, oldest first" }))
  .middleware(Validation)
  .middleware(Authorization)

const chat = HttpApiEndpoint.post("chat", "/chat", {
  payload: ChatRequest,
  success: [ChatResponse, HttpApiSchema.StreamSse({ data: ChatResponse })],
  error: [NotFound, ContentTooLarge]
})
  .annotateMerge(
    OpenApi.annotations({
      summary: "Ask a document",
      description:
        "The answer, as one JSON message or, with `stream`, as Server-Sent Events: every event is one message whose `text` is " +
        "the next piece of the answer, the last one carries the `search_results`, and `data: [DONE]` closes the stream."
    })
  )
  .middleware(Validation)
  .middleware(Authorization)

const documents = HttpApiEndpoint.get("documents", "/documents", { success: Schema.Array(DocumentInfo) })
  .annotateMerge(OpenApi.annotations({ summary: "The documents that can be asked about" }))
  .middleware(Validation)
  .middleware(Authorization)

const health = HttpApiEndpoint.get("health", "/health", {
  success: Schema.Struct({ status: Schema.Literal("ok") })
}).annotateMerge(OpenApi.annotations({ summary: "Whether the service is up; needs no token" }))

// Written out, and in this order, in the declarations: the compiler puts the members of an inferred union in any order,
// and no two builds were the same.
type ChatGroup = HttpApiGroup.HttpApiGroup<
  "chat",
  typeof chatLogs | typeof chatHistory | typeof chat | typeof documents,
  true
>
type ServiceGroup = HttpApiGroup.HttpApiGroup<"service", typeof health, true>

const Chat: ChatGroup = HttpApiGroup.make("chat", { topLevel: true }).add(chatLogs, chatHistory, chat, documents)
const Service: ServiceGroup = HttpApiGroup.make("service", { topLevel: true }).add(health)

/**
 * The chat service's HTTP contract, for servers, typed clients (`HttpApiClient.make(LocalApi)`) and the OpenAPI document.
 *
 * @example
 * ```ts
 * import { LocalApi } from "@weavai/local"
 * import { OpenApi } from "effect/http-api"
 *
 * const spec = OpenApi.fromApi(LocalApi)
 * ```
 */
export const LocalApi: HttpApi.HttpApi<"weavai-local", ChatGroup | ServiceGroup> = HttpApi.make("weavai-local")
  .add(Chat, Service)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotateMerge(
    OpenApi.annotations({
      title: "Weav.ai chat service, local",
      version,
      description:
        "The chat service of Weav.ai on your own machine. Every path is also served below `/chat-service`, with doubled slashes, " +
        "and with or without a trailing one."
    })
  )
