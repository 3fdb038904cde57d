/** The ids of the rows that came last, at least `count` of them: enough to notice rows that come again. */
export interface RecentIds {
  /** Whether the id is new. */
  readonly add: (id: string) => boolean
  readonly clear: () => void
}

export const makeRecentIds = (count: number): RecentIds => {
  let older = new Set<string>()
  let newer = new Set<string>()
  return {
    add(id) {
      if (newer.has(id) || older.has(id)) return false
      if (newer.size >= count) {
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
