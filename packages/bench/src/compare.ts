/**
 * Measures alternatives side by side. Each runs in a process of its own, so that none is slowed down by what the
 * compiler or the garbage collector learnt from another; the rounds are interleaved, so that a machine that speeds up
 * or slows down does so for all of them; ratios are taken round by round.
 */
import { fork } from "node:child_process"
import { once } from "node:events"

/** Alternatives by name: each does the same work once. */
export type Cases = { readonly [name: string]: () => Promise<unknown> }

/** What a round of one alternative took, in milliseconds, and how far its resident memory grew, in MiB. */
export interface Sample {
  readonly cpu: number
  readonly wall: number
  readonly memory: number
}

/** What was measured of one alternative. */
export interface Row {
  readonly name: string
  readonly cpu: Spread
  readonly wall: Spread
  readonly memory: Spread
  /** CPU relative to the first alternative. */
  readonly cpuRatio: Spread
  /** Rounds per second relative to the first alternative. */
  readonly speed: Spread
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Runs the `cases` that a module exports, in turn; the first is what the ratios relate to. */
export const compare = async (
  module: string,
  names: ReadonlyArray<string>,
  options: { readonly rounds: number; readonly warmup: number }
): Promise<ReadonlyArray<Row>> => {
  const runners = names.map((name) => {
    const runner = fork(new URL("runner.ts", import.meta.url), [module, name], {
      execArgv: ["--conditions=weavai-source"]
    })
    runner.on("exit", (code) => {
      if (code !== 0) throw new Error(`"${name}" of ${module} ended with exit code ${code}`)
    })
    return { name, process: runner, samples: [] as Array<Sample> }
  })
  for (let round = -options.warmup; round < options.rounds; round++) {
    for (const runner of runners) {
      runner.process.send("run")
      const [answer] = (await once(runner.process, "message")) as [Sample]
      if (round >= 0) runner.samples.push(answer)
    }
  }
  for (const runner of runners) runner.process.disconnect()

  const base = runners[0]!.samples
  return runners.map(({ name, samples }) => ({
    name,
    cpu: spread(samples.map((sample) => sample.cpu)),
    wall: spread(samples.map((sample) => sample.wall)),
    memory: spread(samples.map((sample) => sample.memory)),
    cpuRatio: spread(samples.map((sample, i) => sample.cpu / base[i]!.cpu)),
    speed: spread(samples.map((sample, i) => base[i]!.wall / sample.wall))
  }))
}

const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)! }
}
