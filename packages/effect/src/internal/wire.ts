/**
 * What the public schemas share: each has a wire side (snake_case, lenient) and a type side (camelCase, no gaps).
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"

/** A field that may be missing or null on the wire. */
export const nullish = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** The public schema of a model. */
export const codec = <A, W, I>(
  wire: Schema.Codec<W, I>,
  type: Schema.Codec<A>,
  convert: { readonly fromWire: (wire: W) => A; readonly toWire: (value: A) => W }
): Schema.Codec<A, I> =>
  wire.pipe(Schema.decodeTo(type, SchemaTransformation.transform({ decode: convert.fromWire, encode: convert.toWire })))
