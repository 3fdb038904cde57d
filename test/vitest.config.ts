import { defineConfig } from "vitest/config"

const conditions = ["weavai-source"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["test/**/*.test.ts", "packages/examples/src/**/*.test.ts"],
    reporters: ["default", "./test/TallyReporter.ts"],
    testTimeout: 30_000
  }
})
