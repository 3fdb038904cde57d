/** The ids of the rows that came last: enough of them to notice rows that come again, few enough for any walk. */
export interface RecentIds {
  /** Whether the id is new. */
  readonly add: (id: string) => boolean
  readonly clear: () => void
}

export const makeRecentIds = (): RecentIds => {
  let older = new Set<string>()
  let newer = new Set<string>()
  return {
    add(id) {
      if (newer.has(id) || older.has(id)) return false
      if (newer.size >= 20_000) {
        older = newer
        newer = new Set()
      }
      newer.add(id)
      return true
    },
    clear() {
      older = new Set()
      newer = new Set()
    }
  }
}
