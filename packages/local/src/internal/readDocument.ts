/**
 * From the bytes of a document to the text of its pages.
 */
import * as Effect from "effect/Effect"
import { extname } from "node:path"
import { DocumentError } from "../DocumentError.ts"
import { splitPages } from "./pages.ts"
import { readPdf } from "./pdf.ts"

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const isPdf = (path: string): boolean => /\.pdf$/i.test(path)

/** Whether `#` lines are headings, and nothing else is. */
export const isMarkdown = (path: string): boolean => /\.(?:md|markdown)$/i.test(path)

/** Fails for a name that tells of a type no document has. */
export const supported = (path: string): Effect.Effect<void, DocumentError> => {
  if (isPdf(path) || isMarkdown(path) || /\.txt$/i.test(path)) return Effect.void
  const type = extname(path)
  const what = type === "" ? "A file without an extension" : `A ${type} file`
  const message = `${what} cannot be read. Documents are .pdf, .md, .markdown or .txt files.`
  return Effect.fail(new DocumentError({ reason: "UnsupportedType", path, message }))
}

/** The text of each page. `path` names the document in errors. */
export const readDocument = Effect.fnUntraced(function* (path: string, content: Uint8Array) {
  yield* supported(path)
  if (content.length === 0) {
    return yield* new DocumentError({ reason: "Empty", path, message: "The file is empty." })
  }
  const pages = isPdf(path) ? yield* pdfPages(path, content) : splitPages(yield* decode(path, content))
  if (pages.some((page) => page !== "")) return pages
  return yield* isPdf(path)
    ? new DocumentError({
        reason: "NoTextLayer",
        path,
        message: "The PDF holds no text, only images: it was probably scanned. Run it through OCR and add the result."
      })
    : new DocumentError({ reason: "Empty", path, message: "The file holds nothing but white space." })
})

const decode = (path: string, content: Uint8Array): Effect.Effect<string, DocumentError> =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(content),
    catch: (cause) => {
      const message = "The file is not UTF-8 text. Save it as UTF-8 and add it again."
      return new DocumentError({ reason: "NotText", path, message, cause })
    }
  })

const pdfPages = (path: string, content: Uint8Array): Effect.Effect<ReadonlyArray<string>, DocumentError> =>
  Effect.tryPromise({
    try: () => readPdf(content),
    catch: (cause) => {
      if (cause instanceof Error && cause.name === "PasswordException") {
        const message = "The PDF asks for a password. Save it without one and add it again."
        return new DocumentError({ reason: "EncryptedPdf", path, message, cause })
      }
      const message = `The file is not a PDF, or it is damaged (${messageOf(cause)}).`
      return new DocumentError({ reason: "BrokenPdf", path, message, cause })
    }
  })

/** Types what goes wrong while `read` looks at `path`. */
export const fromDisk = <A>(path: string, read: () => Promise<A>): Effect.Effect<A, DocumentError> =>
  Effect.tryPromise({
    try: read,
    catch: (cause) =>
      new DocumentError({ reason: "Unreadable", path, message: `Cannot read it (${messageOf(cause)}).`, cause })
  })
