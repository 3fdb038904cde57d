/**
 * The example that prints a trace.
 */
import { describe, expect, it } from "@effect/vitest"
import { runSource } from "../support/run.ts"

describe("the telemetry example", () => {
  it("prints the spans of its calls below its own, what was tried again, and the metrics", async () => {
    const question = "Is damage by flood covered?"
    const { code, stderr, stdout } = await runSource("packages/examples/src/telemetry.ts", ["--", question])
    expect(stderr).toBe("")
    expect(code).toBe(0)
    const [, logs, trace, metrics] = stdout.split(/^(?:Logs|Trace|Metrics)\b.*\n/m)
    expect(logs).toMatch(/^.*level=DEBUG.*"RateLimited: sent again in \d+ ms" operation=streamChat.* attempt=1\n\n$/)

    const spans = Array.from(trace!.matchAll(/^( *)(.+) {2}(?:internal|client), [\d.]+ ms$/gm))
    const depth = spans.map(([, indent, name]) => `${indent!.length / 2}`.padStart(2) + ` ${name}`)
    expect(depth).toEqual([" 1 ask the policy", " 3 chat", " 5 POST", " 3 chat", " 5 POST", " 5 POST"])
    for (const line of [
      "code.function.name ChatOperations.streamChat",
      "gen_ai.conversation.id telemetry",
      "http.request.resend_count 1",
      "error.type 429"
    ]) {
      expect(trace).toContain(line)
    }
    expect(trace).toMatch(/^ +[\d.]+ ms weavai\.retry error\.type=RateLimited[^]*^ +[\d.]+ ms weavai\.first_piece$/m)

    expect(metrics).toMatch(/^ {2}weavai\.client\.requests {2}2 \{request\} {2}ChatOperations\.streamChat success$/m)
    expect(metrics).toMatch(
      /^ {2}gen_ai\.client\.operation\.duration {2}1 × \d+\.\d{3} s {2}ChatOperations\.chat success$/m
    )
    expect(stdout).not.toContain(question)
  })
})
