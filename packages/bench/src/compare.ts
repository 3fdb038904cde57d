/**
 * Measures alternatives side by side. Each runs in a process of its own, so that none is slowed down by what the
 * compiler or the garbage collector learnt from another; the rounds are interleaved, so that a machine that speeds up
 * or slows down does so for all of them; ratios are taken round by round.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { type Spread, spread } from "./spread.ts"

/** Alternatives by name: each does the same work once. */
export type Cases = { readonly [name: string]: (isWarmup: boolean) => Promise<unknown> }

/** What a module exports as `cases` to have its alternatives compared. */
export type MakeCases<Settings> = (settings: Settings) => Cases | Promise<Cases>

/** What one round of one alternative took: milliseconds, and resident memory in MiB before it and at its peak. */
export interface Sample {
  readonly cpu: number
  readonly wall: number
  readonly memory: number
  readonly peakMemory: number
}

/** What was measured of one alternative. */
export interface Row {
  readonly name: string
  readonly cpu: Spread
  readonly wall: Spread
  /** CPU relative to the base. */
  readonly cpuRatio: Spread
  /** Rounds per second relative to the base. */
  readonly speed: Spread
  /** How far resident memory was, at the peak of the first round, beyond what it was after the warm-up, in MiB. */
  readonly memoryGrowth: number
}

export interface CompareOptions<Settings> {
  readonly settings: Settings
  readonly rounds: number
  readonly warmup: number
  /** The alternative that one is compared with. Default: the first. */
  readonly baseOf?: (name: string) => string | undefined
}

/** Compares the alternatives that `cases`, exported by `module`, makes of the settings. */
export const compare = async <Settings>(
  module: string,
  cases: MakeCases<Settings>,
  { baseOf, rounds, settings, warmup }: CompareOptions<Settings>
): Promise<ReadonlyArray<Row>> => {
  const failed = Promise.withResolvers<never>()
  const runners = Object.keys(await cases(settings)).map((name) => {
    const runner = fork(new URL("runner.ts", import.meta.url), [module, name, JSON.stringify(settings)], {
      execArgv: ["--conditions=weavai-source"]
    })
    runner.on("exit", (code) => {
      if (code !== 0) failed.reject(new Error(`"${name}" of ${module} ended with exit code ${code}`))
    })
    return { name, process: runner, samples: [] as Array<Sample> }
  })
  for (let round = -warmup; round < rounds; round++) {
    for (const runner of runners) {
      runner.process.send({ isWarmup: round < 0 })
      const [answer] = (await Promise.race([once(runner.process, "message"), failed.promise])) as [Sample]
      if (round >= 0) runner.samples.push(answer)
    }
  }
  for (const runner of runners) runner.process.disconnect()

  return runners.map(({ name, samples }) => {
    const base = runners.find((runner) => runner.name === baseOf?.(name)) ?? runners[0]!
    return {
      name,
      cpu: spread(samples.map((sample) => sample.cpu)),
      wall: spread(samples.map((sample) => sample.wall)),
      cpuRatio: spread(samples.map((sample, i) => sample.cpu / base.samples[i]!.cpu)),
      speed: spread(samples.map((sample, i) => base.samples[i]!.wall / sample.wall)),
      memoryGrowth: samples[0]!.peakMemory - samples[0]!.memory
    }
  })
}
