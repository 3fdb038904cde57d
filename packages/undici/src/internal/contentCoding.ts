/**
 * The codings that a body may be compressed with on its way: those that `fetch` knows.
 */
import { PassThrough, type Transform } from "node:stream"
import * as Zlib from "node:zlib"

/** What to ask a service for. As with `fetch`, plain HTTP sticks to what every proxy knows. */
export const acceptEncoding = (url: URL): string =>
  url.protocol === "https:" ? "br, gzip, deflate, zstd" : "gzip, deflate"

/**
 * What decodes a body that begins with these bytes. A coding that is unknown here, or a list of several, is left as it
 * is. A body that ends too soon is an error, where browsers take what there is.
 */
export const makeDecoder = (coding: string, start: Uint8Array): Transform => {
  switch (coding.trim().toLowerCase()) {
    case "gzip":
    case "x-gzip":
      return Zlib.createGunzip()
    case "br":
      return Zlib.createBrotliDecompress()
    case "deflate":
      // Some services leave out zlib's header, whose first byte names the method.
      return (start[0]! & 15) === 8 ? Zlib.createInflate() : Zlib.createInflateRaw()
    case "zstd":
      // The window that RFC 9659 allows.
      return Zlib.createZstdDecompress({ params: { [Zlib.constants.ZSTD_d_windowLogMax]: 23 } })
    default:
      return new PassThrough()
  }
}
