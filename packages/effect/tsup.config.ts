import { defineConfig } from "tsup"

export default defineConfig({
  entry: ["src/**/*.ts"],
  format: "esm",
  target: "es2022",
  sourcemap: true,
  clean: true,
  // One file a module, as in the source, so that a bundler can leave out the modules that a program does not use.
  splitting: false,
  esbuildPlugins: [
    {
      name: "keep-modules",
      setup: (build) =>
        build.onResolve({ filter: /^\./ }, ({ kind, path }) =>
          kind === "entry-point" ? undefined : { path: path.replace(/\.ts$/, ".js"), external: true }
        )
    }
  ]
})
