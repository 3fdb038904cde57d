/**
 * When the next request may be sent: as steadily as the user wants it, and no faster than the service bears.
 * Times are in milliseconds of one clock.
 */

/** What paces requests that are sent one after the other. */
export interface Pace {
  /** From when on the next request may be sent. */
  readonly due: () => number
  /** Counts a request that is sent. Returns how many there were within the last second, about. */
  readonly spend: (now: number) => number
  /** Nothing is due before then. */
  readonly pauseUntil: (time: number) => void
  /** Halves the rate: a request was refused that was sent at that time, as one of so many within a second. */
  readonly slowDown: (now: number, sentAt: number, sentRate: number) => void
}

export const makePace = (perSecond: number, burst: number): Pace => {
  let nextAt = -Infinity
  let pausedUntil = -Infinity
  let cut: { readonly at: number; readonly perSecond: number; readonly full: number } | undefined
  let spent = 0
  let spentAt = -Infinity

  const rate = (now: number): number => {
    if (cut === undefined) return perSecond
    const recovered = cut.perSecond + (cut.full * (now - cut.at)) / recovery
    if (recovered < cut.full) return recovered
    cut = undefined
    return perSecond
  }

  const spentWithinSecond = (now: number): number => spent * Math.exp((spentAt - now) / 1000)

  return {
    due: () => Math.max(nextAt, pausedUntil),
    spend(now) {
      const interval = 1000 / rate(now)
      nextAt = Math.max(nextAt, now - (burst - 1) * interval) + interval
      spent = 1 + spentWithinSecond(now)
      spentAt = now
      return spent
    },
    pauseUntil(time) {
      pausedUntil = Math.max(pausedUntil, time)
    },
    slowDown(now, sentAt, sentRate) {
      // What was sent before the last cut tells nothing of the rate since.
      if (cut !== undefined && sentAt <= cut.at) return
      const before = Math.min(rate(now), Math.max(sentRate, spentWithinSecond(now)))
      cut = { at: now, perSecond: before / 2, full: cut?.full ?? before }
    }
  }
}

/** How long a rate takes to come back from nothing. */
const recovery = 60_000
