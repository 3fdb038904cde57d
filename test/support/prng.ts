/**
 * Random choices that a seed determines: what failed once fails again.
 */

export interface Prng {
  /** 0 or more, below 1. */
  readonly next: () => number
  /** An integer, 0 or more, below `end`. */
  readonly below: (end: number) => number
  readonly pick: <A>(choices: ReadonlyArray<A>) => A
  readonly chance: (probability: number) => boolean
  readonly bytes: (length: number) => Buffer
}

/** Mulberry32: small, fast, and good enough to choose by. */
export const makePrng = (seed: number): Prng => {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (end: number): number => Math.floor(next() * end)
  return {
    next,
    below,
    pick: (choices) => choices[below(choices.length)]!,
    chance: (probability) => next() < probability,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256)))
  }
}
