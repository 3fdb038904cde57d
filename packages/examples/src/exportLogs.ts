/**
 * Exports the chat logs of one month (UTC) to a file: as CSV, or as NDJSON, which is one JSON object a line.
 *
 *     export-logs 2025-03 march.csv
 *     export-logs 2025-03 march.ndjson
 *
 * An export that was interrupted goes on where it stopped when the same command is given again: `march.csv.progress` is
 * there until it is complete. `WEAV_ENV` and `WEAV_AUTH_TOKEN` say whose logs to read.
 */
import { createChatClient, type LogRow } from "@weavai/promise"
import { open, readFile, rename, rm, writeFile } from "node:fs/promises"

/** What of an export is in its file: so many rows, in so many bytes, up to the one with this cursor. */
interface Progress {
  readonly month: string
  readonly rows: number
  readonly bytes: number
  readonly cursor?: string | undefined
}

const exportLogs = async (month: string, file: string, signal: AbortSignal): Promise<string> => {
  const progressFile = `${file}.progress`
  const format = file.endsWith(".csv") ? csv : ndjson
  const unfinished = await readProgress(progressFile)
  if (unfinished !== undefined && unfinished.month !== month) {
    throw new Error(
      `${file} is an unfinished export of ${unfinished.month}: finish it, or remove it and ${progressFile}.`
    )
  }

  await using client = createChatClient()
  await using output = await open(file, unfinished === undefined ? "ax" : "a")
  let progress = unfinished ?? { month, rows: 0, bytes: 0 }
  let unsaved: Array<LogRow> = []

  const { size } = await output.stat()
  if (size < progress.bytes) throw new Error(`${file} has lost rows: remove it and ${progressFile} to start over.`)

  const save = async () => {
    const header = progress.bytes === 0 ? format.header : ""
    // What was written and not noted down, as before a power cut, is written over.
    await output.truncate(progress.bytes)
    await output.appendFile(header + unsaved.map(format.line).join(""))
    await output.datasync()
    const { size: bytes } = await output.stat()
    const cursor = unsaved.at(-1)?.cursor ?? progress.cursor
    progress = { month, rows: progress.rows + unsaved.length, bytes, cursor }
    unsaved = []
    await writeFile(`${progressFile}.new`, JSON.stringify(progress))
    await rename(`${progressFile}.new`, progressFile)
  }
  await save()

  const range = { startDatetime: `${month}-01T00:00:00Z`, endDatetime: lastMomentOf(month) }
  try {
    for await (const row of client.chatLogs({ ...range, pageSize: 500, after: progress.cursor }, { signal })) {
      unsaved.push(row)
      if (unsaved.length === 500) await save()
    }
    await save()
  } catch (error) {
    await save()
    const reason = signal.aborted ? "Interrupted." : (error as Error).message
    throw new Error(`${reason}\n${progress.rows} rows are in ${file}. Give the same command again to go on.`, {
      cause: error
    })
  }
  await rm(progressFile)
  return `${progress.rows} rows are in ${file}.`
}

const readProgress = async (file: string): Promise<Progress | undefined> => {
  try {
    return JSON.parse(await readFile(file, "utf8"))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

/** The service's moments are as fine as a microsecond. */
const lastMomentOf = (month: string): string => {
  const [year, number] = month.split("-").map(Number) as [number, number]
  return `${new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10)}T23:59:59.999999Z`
}

interface Format {
  readonly header: string
  readonly line: (row: LogRow) => string
}

const columns = ["timestamp", "chatId", "userId", "type", "vote", "valid", "tags", "text", "id"] as const

const ndjson: Format = {
  header: "",
  line: (row) => `${JSON.stringify(row, [...columns])}\n`
}

const csv: Format = {
  header: `${columns.join(",")}\r\n`,
  line: (row) => `${columns.map((column) => cell(row[column])).join(",")}\r\n`
}

const cell = (value: LogRow[(typeof columns)[number]]): string => {
  const text = value instanceof Date ? value.toISOString() : String(value ?? "")
  // What users write may look like a formula, which a spreadsheet would run.
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return `"${harmless.replaceAll('"', '""')}"`
}

const stop = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort())

const [month = "", file, ...others] = process.argv.slice(2).filter((argument) => argument !== "--")
try {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month) || file === undefined || others.length > 0) {
    throw new Error("Give a month and a file, such as: export-logs 2025-03 march.csv")
  }
  console.log(await exportLogs(month, file, stop.signal))
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
