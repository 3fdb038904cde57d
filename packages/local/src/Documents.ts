/**
 * The documents that questions are asked about: read, cut into pages and passages, and searched.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createHash } from "node:crypto"
import { readdir, readFile, stat } from "node:fs/promises"
import { basename, join } from "node:path"
import { Database, type DatabaseError, type Sql } from "./Database.ts"
import { DocumentError, DocumentNotFound } from "./DocumentError.ts"
import { findPassages, type Found, storePages } from "./internal/passageIndex.ts"
import { readPages } from "./internal/passages.ts"
import { fromDisk, isMarkdown, readDocument, supported } from "./internal/readDocument.ts"

export { DocumentError, DocumentNotFound, type Found }

/** A document that was added. */
export interface Document {
  /** 24 hex digits, made from the content and the name: the same document has the same id everywhere and always. */
  readonly fileId: string
  readonly fileName: string
  /** How many pages it has, at least 1. */
  readonly pageCount: number
  readonly addedAt: Date
}

/** What came of adding a folder: the documents in the order of their paths, and what was left out with the reason why. */
export interface AddedDirectory {
  readonly documents: ReadonlyArray<Document>
  readonly skipped: ReadonlyArray<DocumentError>
}

/**
 * Adds documents and searches them.
 *
 * Text and Markdown (UTF-8) take a form feed (U+000C) as a page break; text without any is cut into pages of about 3,000
 * characters. A PDF keeps its own pages.
 *
 * @example
 * ```ts
 * import { Database, Documents } from "@weavai/local"
 * import { Effect } from "effect"
 *
 * const search = Effect.gen(function* () {
 *   const documents = yield* Documents
 *   const policy = yield* documents.addFile("policies/property.pdf")
 *   const { results } = yield* documents.search(policy.fileId, "What is the hail deductible?", 5)
 *   return results.map((result) => `page ${result.pageNumber}: ${result.text}`)
 * })
 * const program = search.pipe(Effect.provide(Documents.layer), Effect.provide(Database.layer()))
 * ```
 */
export class Documents extends Context.Service<
  Documents,
  {
    /** Adds a document. One of the same name and content is added once; adding it again gives the first. */
    readonly add: (file: {
      readonly fileName: string
      readonly content: Uint8Array
    }) => Effect.Effect<Document, DocumentError | DatabaseError>
    /** Adds the file at a path, under its base name. */
    readonly addFile: (path: string) => Effect.Effect<Document, DocumentError | DatabaseError>
    /** Adds all documents in a folder and the folders in it. Hidden ones are passed over; what else cannot be added is reported. */
    readonly addDirectory: (path: string) => Effect.Effect<AddedDirectory, DocumentError | DatabaseError>
    /** The document of this id. */
    readonly get: (fileId: string) => Effect.Effect<Document, DocumentNotFound | DatabaseError>
    /** All documents, in the order they were added. */
    readonly list: Effect.Effect<ReadonlyArray<Document>, DatabaseError>
    /**
     * The passages of one document that match a query best, at most `limit` of them (default 8). The query is plain words: no
     * character in it has a special meaning. `score` is BM25, greater for passages with a sentence that answers the query.
     */
    readonly search: (
      fileId: string,
      query: string,
      limit?: number
    ) => Effect.Effect<Found, DocumentNotFound | DatabaseError>
  }
>()("@weavai/local/Documents") {
  /** Keeps the documents in the `Database`. */
  static readonly layer: Layer.Layer<Documents, never, Database> = Layer.effect(
    Documents,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const database = yield* Database

  const add = Effect.fnUntraced(function* (path: string, fileName: string, content: Uint8Array) {
    const sha256 = createHash("sha256").update(content).digest("hex")
    const fileId = createHash("sha256").update(`${sha256}\0${fileName}`).digest("hex").slice(0, 24)
    const known = yield* database.run((sql) => findDocument(sql, fileId))
    if (known !== undefined) return known
    const pages = yield* readDocument(path, content)
    const contents = readPages(pages, isMarkdown(path))
    const now = yield* Clock.currentTimeMillis
    return yield* database.transaction((sql) => {
      // Somebody may have added it while it was read.
      const known = findDocument(sql, fileId)
      if (known !== undefined) return known
      sql.run("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", fileId, fileName, sha256, pages.length, now)
      storePages(sql, fileId, contents)
      return { fileId, fileName, pageCount: pages.length, addedAt: new Date(now) }
    })
  })

  const addFile = Effect.fn("Documents.addFile")(function* (path: string) {
    yield* supported(path)
    const info = yield* fromDisk(path, () => stat(path))
    if (!info.isFile()) {
      return yield* new DocumentError({ reason: "Unreadable", path, message: "It is not a file. Name a file." })
    }
    return yield* add(path, basename(path), yield* fromDisk(path, () => readFile(path)))
  })

  const addDirectory = Effect.fn("Documents.addDirectory")(function* (path: string) {
    const documents: Array<Document> = []
    const skipped: Array<DocumentError> = []
    const addAll: (folder: string) => Effect.Effect<void, DocumentError | DatabaseError> = Effect.fnUntraced(
      function* (folder) {
        const entries = yield* fromDisk(folder, () => readdir(folder, { withFileTypes: true }))
        for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
          if (entry.name.startsWith(".")) continue
          const path = join(folder, entry.name)
          // A link to a folder is not followed: it may lead back up.
          const adding = entry.isDirectory()
            ? addAll(path)
            : Effect.map(addFile(path), (document) => void documents.push(document))
          yield* Effect.catchTag(adding, "DocumentError", (error) => Effect.sync(() => void skipped.push(error)))
        }
      }
    )
    yield* addAll(path)
    return { documents, skipped }
  })

  const get = Effect.fn("Documents.get")(function* (fileId: string) {
    const document = yield* database.run((sql) => findDocument(sql, fileId))
    return document ?? (yield* new DocumentNotFound({ fileId }))
  })

  const search = Effect.fn("Documents.search")(function* (fileId: string, query: string, limit = 8) {
    const document = yield* get(fileId)
    return yield* database.run((sql) => findPassages(sql, document, query, limit))
  })

  return Documents.of({
    add: Effect.fn("Documents.add")(({ fileName, content }) => add(fileName, fileName, content)),
    addFile,
    addDirectory,
    get,
    list: database.run((sql) =>
      sql.all<DocumentRow>("SELECT * FROM documents ORDER BY added_at, rowid").map(documentOf)
    ),
    search
  })
})

interface DocumentRow {
  readonly file_id: string
  readonly file_name: string
  readonly page_count: number
  readonly added_at: number
}

const documentOf = (row: DocumentRow): Document => ({
  fileId: row.file_id,
  fileName: row.file_name,
  pageCount: row.page_count,
  addedAt: new Date(row.added_at)
})

const findDocument = (sql: Sql, fileId: string): Document | undefined => {
  const row = sql.get<DocumentRow>("SELECT * FROM documents WHERE file_id = ?", fileId)
  return row && documentOf(row)
}
