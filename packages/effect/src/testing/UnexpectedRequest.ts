/**
 * What a test did not provide for.
 */
import * as Data from "effect/Data"

/**
 * A request that the script or the cassette has no answer to. `message` says which request, and what there is instead.
 *
 * It is a defect, as a method that `Layer.mock` was not given: the test is wrong, and a program that sends again or
 * recovers after a `ChatError` must not hide that.
 */
export class UnexpectedRequest extends Data.TaggedError("UnexpectedRequest")<{ readonly description: string }> {
  override get message(): string {
    return this.description
  }
}
