/**
 * What can be wrong with a document.
 */
import * as Schema from "effect/Schema"

/**
 * Why a document was not added.
 *
 * `reason` is for programs: `UnsupportedType` (neither .pdf, .md, .markdown nor .txt), `Unreadable` (no such file or folder, no
 * permission), `Empty`, `NotText` (not UTF-8), `BrokenPdf`, `EncryptedPdf` (asks for a password) and `NoTextLayer` (a scanned PDF,
 * images only). `message` says it in words, with what to do; `path` is the path or name that was given.
 *
 * @example
 * ```ts
 * import { Documents } from "@weavai/local"
 * import { Effect } from "effect"
 *
 * const adding = Documents.use((documents) => documents.addFile("scan.pdf")).pipe(
 *   Effect.catchTag("DocumentError", (error) => Effect.logWarning(error.message))
 * )
 * ```
 */
export class DocumentError extends Schema.TaggedError<DocumentError>()("DocumentError", {
  reason: Schema.Literals([
    "UnsupportedType",
    "Unreadable",
    "Empty",
    "NotText",
    "BrokenPdf",
    "EncryptedPdf",
    "NoTextLayer"
  ]),
  message: Schema.String,
  path: Schema.String,
  /** What the system or the PDF reader said. */
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** No document has this id. */
export class DocumentNotFound extends Schema.TaggedError<DocumentNotFound>()("DocumentNotFound", {
  fileId: Schema.String
}) {
  override get message(): string {
    return `There is no document "${this.fileId}".`
  }
}
