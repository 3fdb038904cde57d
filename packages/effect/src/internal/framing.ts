/**
 * Cuts the text of a streamed body into frames: the events of an event stream, the lines of newline-delimited JSON, or
 * the one document of a plain JSON body.
 */

/** Takes one frame's data; `event` is the event's name, empty where it has none. */
export type OnFrame = (data: string, event: string) => void

export interface Framing {
  /** Takes the next piece of text. Returns how much text it holds back for an unfinished frame, in characters. */
  readonly push: (text: string, onFrame: OnFrame) => number
  /** Takes the end of the body. Returns what is left of a frame that has no end, empty where there is none. */
  readonly end: (onFrame: OnFrame) => string
}

/** The framing for a media type, or `undefined` where the type carries no answer. */
export const framingFor = (contentType: string): Framing | undefined => {
  switch (contentType) {
    case "text/event-stream":
      return eventStream()
    case "application/x-ndjson":
    case "application/ndjson":
    case "application/jsonl":
    case "application/json-seq":
      return jsonLines()
    case "application/json":
      return jsonDocument()
    default:
      return undefined
  }
}

/**
 * The event-stream format of the WHATWG HTML standard. Lines end with LF, CR or CRLF; `data` lines of one event are
 * joined with LF; comments, `id`, `retry` and unknown fields carry nothing for us.
 */
const eventStream = (): Framing => {
  const buffer = lineBuffer()
  let data: string | undefined
  let event = ""

  const takeLine = (line: string, onFrame: OnFrame): void => {
    if (line === "") {
      if (data !== undefined) onFrame(data, event)
      data = undefined
      event = ""
    } else if (line.startsWith("data:")) {
      const value = line.slice(line.charCodeAt(5) === space ? 6 : 5)
      data = data === undefined ? value : `${data}\n${value}`
    } else if (line.startsWith("event:")) {
      event = line.slice(line.charCodeAt(6) === space ? 7 : 6)
    } else if (line === "data") {
      data = data === undefined ? "" : `${data}\n`
    }
  }

  return {
    push(chunk, onFrame) {
      const text = buffer.take(chunk)
      let start = 0
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
        const isWholeEvent = data === undefined && event === "" && text.charCodeAt(end + 1) === lineFeed
        if (isWholeEvent && text.startsWith("data: ", start)) {
          onFrame(text.slice(start + 6, end), "")
          start = end + 2
        } else {
          takeLine(text.slice(start, end), onFrame)
          start = end + 1
        }
      }
      return buffer.keep(text, start) + (data?.length ?? 0)
    },
    end(onFrame) {
      const line = buffer.rest()
      // The standard drops an event that no blank line ends. Here it is taken, and its JSON shows whether it is whole.
      const hasPrefix = line.startsWith("data:")
      if (hasPrefix) takeLine(line, onFrame)
      if (data !== undefined) {
        takeLine("", onFrame)
        return ""
      }
      return hasPrefix || /^(:|id|retry|$)/.test(line) ? "" : line
    }
  }
}

/** One JSON document a line; blank lines and the record separators of `application/json-seq` are passed over. */
const jsonLines = (): Framing => {
  const buffer = lineBuffer()
  const takeLine = (line: string, onFrame: OnFrame): void => {
    const data = line.startsWith("\u001e") ? line.slice(1) : line
    if (data.trim() !== "") onFrame(data, "")
  }
  return {
    push(chunk, onFrame) {
      const text = buffer.take(chunk)
      let start = 0
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
        takeLine(text.slice(start, end), onFrame)
        start = end + 1
      }
      return buffer.keep(text, start)
    },
    end(onFrame) {
      takeLine(buffer.rest(), onFrame)
      return ""
    }
  }
}

const jsonDocument = (): Framing => {
  let document = ""
  return {
    push(text) {
      document += text
      return document.length
    },
    end(onFrame) {
      if (document.trim() !== "") onFrame(document, "")
      return ""
    }
  }
}

/** Text that comes in chunks, as lines that end with LF, however they ended before and wherever the chunks are cut. */
const lineBuffer = () => {
  let rest = ""
  let endedWithCr = false
  return {
    /** Text to cut into lines, empty until a line is complete: what is held back grows without being copied. */
    take(chunk: string): string {
      let text = chunk
      if (endedWithCr && text !== "") {
        endedWithCr = false
        if (text.charCodeAt(0) === lineFeed) text = text.slice(1)
      }
      if (text.includes("\r")) {
        endedWithCr = text.endsWith("\r")
        text = text.replace(/\r\n?/g, "\n")
      }
      const isComplete = text.includes("\n")
      text = rest + text
      if (isComplete) return text
      rest = text
      return ""
    },
    /** Holds back the taken text from `start` on. Returns how much is held back. */
    keep(text: string, start: number): number {
      if (text !== "") rest = text.slice(start)
      return rest.length
    },
    rest: (): string => rest
  }
}

const lineFeed = 10
const space = 32
