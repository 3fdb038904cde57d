/**
 * Repeated measurements in a few numbers.
 */
export interface Spread {
  readonly median: number
  readonly min: number
  /** A quarter of the measurements is below. */
  readonly lower: number
  /** A quarter of the measurements is above. */
  readonly upper: number
}

export const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  const quantile = (share: number): number => {
    const at = share * (sorted.length - 1)
    const below = sorted[Math.floor(at)]!
    return below + (sorted[Math.ceil(at)]! - below) * (at % 1)
  }
  return { median: quantile(0.5), min: sorted[0]!, lower: quantile(0.25), upper: quantile(0.75) }
}
