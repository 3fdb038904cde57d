/**
 * Chromium: the system's, else the one that a package of the registry holds for Linux, packed.
 */
import { createReadStream, createWriteStream, existsSync } from "node:fs"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { fileURLToPath } from "node:url"
import { createBrotliDecompress } from "node:zlib"
import { type Browser, chromium } from "playwright-core"

const ofTheSystem = ["chromium", "chromium-browser", "google-chrome"]
  .map((name) => `/usr/bin/${name}`)
  .find((path) => existsSync(path))

/** Whether there is one for this machine. */
export const isChromiumHere = ofTheSystem !== undefined || `${process.platform}-${process.arch}` === "linux-x64"

/** Starts it, unpacked into a folder where need be. */
export const launchChromium = async (folder: string): Promise<Browser> => {
  const executablePath = ofTheSystem ?? join(folder, "chromium")
  if (!existsSync(executablePath)) {
    const packed = fileURLToPath(new URL("../bin/chromium.br", import.meta.resolve("@sparticuz/chromium")))
    const unpacked = createWriteStream(executablePath, { mode: 0o755 })
    await pipeline(createReadStream(packed), createBrotliDecompress(), unpacked)
  }
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] })
}
