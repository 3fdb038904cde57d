/**
 * Runs a function once undici has finished with the response it is reporting: it gives a connection free one turn of
 * the event loop after the last byte. Whoever is woken only then finds that connection free for the next request,
 * instead of opening another; and the body of a small response is there along with its headers.
 */
export const nextTurn = (f: () => void): void => queueMicrotask(() => setImmediate(f))
