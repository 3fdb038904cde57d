/**
 * A folder of documents on disk, and room beside it for a database file.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface PolicyFolder {
  /** The folder of documents: one policy of two pages. */
  readonly documents: string
  /** A path for a database file; there is none yet. */
  readonly data: string
}

export const question = "What is the windstorm deductible?"

const policy = `# Deductibles

The windstorm deductible is $5,000 per occurrence. The theft deductible is $1,000 per occurrence.
\f
# Cancellation

The insurer may cancel this policy by mailing a notice 60 days before the effective date of cancellation.
`

/** Removed again when the scope closes. */
export const policyFolder: Effect.Effect<PolicyFolder, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(async () => {
    const root = await mkdtemp(join(tmpdir(), "weavai-local-"))
    const documents = join(root, "policies")
    await mkdir(documents)
    await writeFile(join(documents, "policy.md"), policy)
    return { root, documents, data: join(root, "chats.db") }
  }),
  ({ root }) => Effect.promise(() => rm(root, { recursive: true, force: true }))
)
