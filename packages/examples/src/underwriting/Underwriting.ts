/**
 * What is asked of every submission, and what its document answers.
 */
import { ChatOperations, type HttpClient, RequestLimit, type Unauthorized, WeavConfig } from "@weavai/effect"
import { Context, Effect, Layer, Schema } from "effect"

/** A submission, and its document at the chat service. */
export const Submission = Schema.Struct({
  id: Schema.NonEmptyString,
  fileId: Schema.NonEmptyString
}).annotate({ identifier: "Submission" })
export type Submission = typeof Submission.Type

/** The answer to one question. */
export const Finding = Schema.Struct({
  question: Schema.String,
  /** `null` where no answer could be had. */
  answer: Schema.NullOr(Schema.String),
  /** The pages of the document that the answer rests on, the best one first. */
  pages: Schema.Array(Schema.Int),
  /** Why there is no answer. */
  problem: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Finding" })
export type Finding = typeof Finding.Type

/** The answers to all questions, in their order. */
export const Review = Schema.Struct({
  submissionId: Schema.String,
  findings: Schema.Array(Finding)
}).annotate({ identifier: "Review" })
export type Review = typeof Review.Type

/** The chat service has no such document. */
export class NoSuchDocument extends Schema.TaggedError<NoSuchDocument>()(
  "NoSuchDocument",
  { fileId: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message(): string {
    return `There is no document "${this.fileId}".`
  }
}

/** What is asked of every submission. */
export const questions = [
  "What is the deductible for wind or hail damage?",
  "Is damage by flood covered?",
  "How many days after a loss must a lawsuit be brought?",
  "How long may a building be vacant?",
  "What is the limit for ordinance or law?"
]

/**
 * Reviews submissions. A question that the service fails to answer is left open, with the reason, so that one bad moment
 * does not cost the other answers. A token that is refused is nothing that a submission could change.
 */
export class Underwriting extends Context.Service<
  Underwriting,
  { readonly review: (submission: Submission) => Effect.Effect<Review, NoSuchDocument | Unauthorized> }
>()("examples/underwriting/Underwriting") {
  static readonly layer = Layer.effect(
    Underwriting,
    Effect.gen(function* () {
      const context = yield* Effect.context<WeavConfig | HttpClient>()

      const review = Effect.fn("Underwriting.review")(function* (submission: Submission) {
        const findings = yield* Effect.forEach(questions, (question) => ask(submission, question), { concurrency: 3 })
        return { submissionId: submission.id, findings }
      }, Effect.provideContext(context))

      return Underwriting.of({ review })
    })
  )
}

/** Each question has a chat of its own, so that they can be asked at the same time and none colours the next answer. */
const ask = (submission: Submission, question: string) =>
  ChatOperations.chat(
    { userInput: question, chatId: `${submission.id}: ${question}`, fileId: submission.fileId },
    { onUncertain: "reconcile" }
  ).pipe(
    Effect.map(({ searchResults, text }): Finding => ({
      question,
      answer: text,
      pages: [...new Set(searchResults.map(({ pageNumber }) => pageNumber))],
      problem: null
    })),
    Effect.catchTags({
      NotFound: () => Effect.fail(new NoSuchDocument({ fileId: submission.fileId })),
      ApiError: ({ message }) => Effect.succeed<Finding>({ question, answer: null, pages: [], problem: message })
    }),
    // Submissions take turns: one with many questions does not keep the others waiting.
    Effect.provideService(RequestLimit.Caller, submission.id)
  )
