/**
 * Other forms of an iterator.
 */

type Items<A> = AsyncIterableIterator<A, undefined, void>

/** What a generator makes of items. It is left at once: a generator alone would wait for the item that it asked for. */
export const transform = <A, B>(
  items: Items<A>,
  generate: (items: Items<A>) => AsyncGenerator<B, undefined, void>
): Items<B> => {
  const generator = generate(items)
  const transformed: Items<B> = {
    [Symbol.asyncIterator]: () => transformed,
    next: () => generator.next(),
    async return() {
      await items.return?.()
      return generator.return(undefined)
    }
  }
  return transformed
}

/** Items as a web stream, which asks for one when it is asked for one. */
export const toReadableStream = <A>(items: Items<A>): ReadableStream<A> =>
  new ReadableStream<A>(
    {
      async pull(controller) {
        const { done, value } = await items.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await items.return?.()
      }
    },
    { highWaterMark: 0 }
  )
