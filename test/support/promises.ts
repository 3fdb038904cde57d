import { expect } from "@effect/vitest"

/** What a promise rejects with. */
export const rejection = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    () => expect.fail("a rejection was expected"),
    (error: unknown) => error
  )

/** Everything that an async iterable yields. */
export const readAll = async <A>(iterable: AsyncIterable<A>): Promise<Array<A>> => {
  const all: Array<A> = []
  for await (const item of iterable) all.push(item)
  return all
}
