import type { Reporter, TestModule } from "vitest/node"

/** Names the tests that were skipped, and ends the run with one plain line, `N passed, N failed`, that a script can read. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        count[state]++
        if (state === "skipped") process.stdout.write(`\nskipped: ${test.fullName}`)
      }
      // A file that does not load has no tests to count, and must not pass for an empty one.
      if (!module.ok() && count.failed === 0) count.failed++
    }
    const skipped = count.skipped + count.pending
    process.stdout.write(
      `\n${count.passed} passed, ${count.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`
    )
  }
}
