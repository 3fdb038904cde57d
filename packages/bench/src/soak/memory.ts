/**
 * The memory of a process, in MiB, and whether it stays as it is.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { spread } from "../spread.ts"

export interface Memory {
  /** What is alive: used after a garbage collection. */
  readonly heap: number
  readonly rss: number
}

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

export const sampleMemory = (): Memory => {
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed / 2 ** 20, rss: rss / 2 ** 20 }
}

/** The medians of the first and of the last third of the samples. */
export const thirds = (samples: ReadonlyArray<Memory>): readonly [first: Memory, last: Memory] => {
  const length = Math.ceil(samples.length / 3)
  return [medianOf(samples.slice(0, length)), medianOf(samples.slice(-length))]
}

const medianOf = (samples: ReadonlyArray<Memory>): Memory => ({
  heap: spread(samples.map(({ heap }) => heap)).median,
  rss: spread(samples.map(({ rss }) => rss)).median
})
