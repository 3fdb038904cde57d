#!/usr/bin/env node
/**
 * The program `weavai-local`: the chat service, from the command line.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import { CliError, CliOutput, Command, Flag } from "effect/cli"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import type { DatabaseError } from "./Database.ts"
import type { Document, DocumentError } from "./Documents.ts"
import type { FaultRule, FaultRuleError } from "./Faults.ts"
import { version } from "./internal/version.ts"
import { type ListenError, LocalServer } from "./LocalServer.ts"

const flags = {
  docs: Flag.String("docs").pipe(
    Flag.withMetavar("PATH"),
    Flag.withDescription("A document (.pdf, .md, .txt) or a folder of them to answer from; may be given several times"),
    Flag.atLeast(0)
  ),
  port: Flag.Int("port").pipe(
    Flag.withDescription("The port to listen on; 0 takes any free one"),
    Flag.withDefault(7030)
  ),
  host: Flag.String("host").pipe(
    Flag.withDescription("The address to listen on; any but a loopback address lets other machines in"),
    Flag.withDefault("127.0.0.1")
  ),
  allowedHosts: Flag.String("allowed-host").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription(
      "A name by which clients may call the service, besides its address and localhost; may be given several times"
    ),
    Flag.atLeast(0)
  ),
  data: Flag.String("data").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "The database file to keep chats and documents in; without it they last as long as the program"
    ),
    Flag.optional
  ),
  token: Flag.Redacted("token").pipe(
    Flag.withDescription("The one bearer token to accept (or set WEAV_LOCAL_TOKEN); without it any token is accepted"),
    Flag.withFallbackConfig(Config.Redacted("WEAV_LOCAL_TOKEN")),
    Flag.filter(
      (token) => /^\S+$/.test(Redacted.value(token)),
      () => "a token without blanks in it; leave it out to accept any"
    ),
    Flag.optional
  ),
  cors: Flag.String("cors").pipe(
    Flag.withMetavar("ORIGIN"),
    Flag.withDescription(
      "Let the web pages of this origin call the service, '*' those of all; may be given several times"
    ),
    Flag.atLeast(0)
  ),
  pieceDelay: Flag.Int("piece-delay").pipe(
    Flag.withMetavar("MILLIS"),
    Flag.withDescription("Wait this long between two pieces of a streamed answer, to watch it being written"),
    Flag.withDefault(0)
  ),
  faults: Flag.String("fault").pipe(
    Flag.withMetavar("RULE"),
    Flag.withDescription(
      'Rehearse failure: a rule in JSON such as \'{"on":"chat","times":2,"status":503}\', as the README tells; may be given several times'
    ),
    Flag.mapTryCatch(
      (json): FaultRule => JSON.parse(json),
      () => 'a rule in JSON, such as {"status":503}'
    ),
    Flag.atLeast(0)
  )
}

const command = Command.make(
  "weavai-local",
  flags,
  ({ docs, port, host, allowedHosts, data, token, cors, pieceDelay, faults }) =>
    Effect.gen(function* () {
      const { url, documents, skipped } = yield* LocalServer
      const broken = skipped.filter(({ reason }) => reason !== "UnsupportedType")
      yield* Effect.forEach(broken, (error) => Console.warn(`Left out ${explain(error)}`))
      if (skipped.length > broken.length) {
        yield* Console.warn(
          `Left out ${skipped.length - broken.length} files that are not .pdf, .md, .markdown or .txt`
        )
      }
      yield* Console.log(greeting(url, documents, Option.isSome(token)))
      return yield* Effect.never
    }).pipe(
      Effect.provide(
        LocalServer.layer({
          port,
          host,
          allowedHosts,
          documents: docs,
          data: Option.getOrUndefined(data),
          token: Option.getOrUndefined(token),
          cors: cors.includes("*") || cors,
          pieceDelay,
          faults
        })
      ),
      Effect.mapError((cause) => new CliError.UserError({ cause, userMessage: explain(cause) }))
    )
).pipe(
  Command.withDescription(
    "A Weav.ai-compatible chat service on this machine: answers questions from your documents, with citations."
  ),
  Command.withExamples([
    { command: "weavai-local --docs ./policies", description: "Answer from the documents of a folder" },
    { command: "weavai-local --docs policy.pdf --data chats.db --port 8080", description: "Keep the chats in a file" }
  ])
)

const explain = (error: ListenError | DocumentError | DatabaseError | FaultRuleError): string =>
  "path" in error ? `${error.path}: ${error.message}` : error.message

const greeting = (url: string, documents: ReadonlyArray<Document>, hasToken: boolean): string => {
  const fileId = documents[0]?.fileId
  const table =
    fileId === undefined
      ? ["There is no document to ask yet: start again with --docs <file or folder>."]
      : [
          `${"file_id".padEnd(24)}  pages  document`,
          ...documents.map(
            (document) => `${document.fileId}  ${String(document.pageCount).padStart(5)}  ${document.fileName}`
          ),
          "",
          "Ask one:",
          "",
          `  curl ${url}/chat -H "Authorization: Bearer ${hasToken ? "$WEAV_LOCAL_TOKEN" : "any"}" -H "Content-Type: application/json" \\`,
          `    -d '{"user_input": "What is covered?", "file_id": "${fileId}", "chat_id": "first"}'`
        ]
  return [`Listening on ${url} (read ${url}/docs). Stop with Ctrl-C.`, "", ...table, ""].join("\n")
}

/** One line for an error, so that it reads well in a log too. */
const output: CliOutput.Formatter = {
  ...CliOutput.defaultFormatter(),
  formatError: ({ message }) => `weavai-local: ${message}`
}

/** A service that was told to stop has not failed. */
const teardown: Runtime.Teardown = (exit, onExit) =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? onExit(0) : Runtime.defaultTeardown(exit, onExit)

command.pipe(
  Command.run({ version }),
  Effect.provide([NodeServices.layer, CliOutput.layer(output), Layer.succeed(Logger.LogToStderr)(true)]),
  NodeRuntime.runMain({ teardown })
)
