/**
 * A tracer that keeps its spans.
 */
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

export const spanRecorder = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span(options) {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

/** What a span says of itself. */
export const attributesOf = (span: Tracer.NativeSpan | undefined): Record<string, unknown> =>
  Object.fromEntries(span?.attributes ?? [])

/** The span that a span is a part of. */
export const parentOf = (span: Tracer.NativeSpan | undefined): Tracer.AnySpan | undefined =>
  span && Option.getOrUndefined(span.parent)
