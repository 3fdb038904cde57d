/**
 * The main job from end to end: load a document, ask it questions, watch the answers stream in with their sources, then
 * read the chat's history and the logs. The service runs in this process on a free port of this machine.
 *
 *     demo                              the sample policy and three questions
 *     demo -- FILE "QUESTION" …         a document and questions of your own (.pdf, .md, .txt)
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ChatOperations, ChatStream, type Message, type SearchResult, WeavConfig } from "@weavai/effect"
import { LocalServer } from "@weavai/local"
import { Console, Effect, Layer, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { fileURLToPath } from "node:url"
import { stripVTControlCharacters, styleText } from "node:util"

const samplePolicy = fileURLToPath(new URL("../documents/commercial-property-policy.md", import.meta.url))

const sampleQuestions = [
  "What is the deductible for wind or hail damage?",
  "How many days after a loss must a lawsuit be brought?",
  "Is damage by flood covered?"
]

const chatId = "demo"

const demo = Effect.fn("demo")(function* (questions: ReadonlyArray<string>) {
  const server = yield* LocalServer
  const [document] = server.documents
  if (document === undefined) return

  yield* Console.log(heading("Weav.ai chat on your machine"))
  yield* Console.log(`  service   ${server.url}, in this process: nothing leaves the machine`)
  yield* Console.log(`  document  ${document.fileName}, ${document.pageCount} pages, id ${document.fileId}`)

  for (const [i, question] of questions.entries()) {
    yield* Console.log(`\n${heading(`Question ${i + 1}`)}  ${question}\n`)
    const reply = yield* ChatOperations.streamChat({ userInput: question, chatId, fileId: document.fileId }).pipe(
      Stream.tap((piece) => write(piece.text)),
      ChatStream.collect
    )
    yield* Console.log(`\n\n${sourcesTable(reply.searchResults)}`)
  }

  const history = yield* ChatOperations.getChatHistory({ chatId })
  yield* Console.log(`\n${heading("History")}  the ${history.messages.length} messages of chat "${chatId}"\n`)
  yield* Console.log(
    table(
      ["from", "text"],
      history.messages.map((message) => [message.type, oneLine(message.text)])
    )
  )

  const logs = yield* ChatOperations.getChatLogs()
  yield* Console.log(`\n${heading("Logs")}  ${logs.messages.length} of ${logs.totalRecords} rows, newest first\n`)
  yield* Console.log(table(["time", "user", "from", "vote", "text"], logs.messages.map(logRow)))
})

const sourcesTable = (sources: ReadonlyArray<SearchResult>): string =>
  sources.length === 0
    ? "  no sources"
    : table(
        ["#", "file", "page", "score", "section"],
        sources.map((source) => [
          String(source.rank),
          source.fileName,
          String(source.pageNumber),
          source.score.toFixed(2),
          oneLine(source.sectionHeaders.at(-1) ?? "")
        ])
      )

const logRow = (row: Message) => [
  row.timestamp.toISOString().slice(11, 19),
  row.userId,
  row.type,
  row.vote,
  oneLine(row.text)
]

/** Aligned columns below dimmed titles. */
const table = (titles: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: ReadonlyArray<string>) =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd()
  return [styleText("dim", line(titles)), ...rows.map(line)].join("\n")
}

const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim()
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}

const heading = (text: string): string => styleText("bold", text)

/** The document's text is somebody else's: what would steer the terminal is taken out. */
const write = (text: string) => Effect.sync(() => process.stdout.write(stripVTControlCharacters(text)))

const [path = samplePolicy, ...questions] = process.argv.slice(2).filter((argument) => argument !== "--")

const program = Effect.gen(function* () {
  if (path !== samplePolicy && questions.length === 0) {
    return yield* Effect.fail(new Error(`Give a question about ${path} as well: demo -- FILE "QUESTION"`))
  }
  const service = LocalServer.layer({
    port: 0,
    documents: [path],
    // Someone who watches sees the answer being written; a pipe need not wait for that.
    pieceDelay: process.stdout.isTTY ? "25 millis" : 0
  })
  const client = Layer.unwrap(
    Effect.map(LocalServer, ({ url }) => WeavConfig.layer({ env: url, authToken: Redacted.make("local") }))
  ).pipe(Layer.provideMerge(service), Layer.merge(FetchHttpClient.layer))
  yield* demo(path === samplePolicy ? sampleQuestions : questions).pipe(Effect.provide(client))
})

program.pipe(
  Effect.catch((error) =>
    Effect.andThen(
      Console.error("path" in error ? `${error.path}: ${error.message}` : error.message),
      Effect.sync(() => {
        process.exitCode = 1
      })
    )
  ),
  NodeRuntime.runMain
)
