import * as SchemaIssue from "effect/SchemaIssue"

/** What a schema found wrong, a row a field, fields as on the wire: `messages[3].timestamp`, empty for the whole. */
export const formatIssues = (
  issue: SchemaIssue.Issue
): ReadonlyArray<{ readonly field: string; readonly message: string }> =>
  format(issue).issues.map(({ message, path = [] }) => ({
    field: path.map((segment) => (typeof segment === "object" ? segment.key : segment)).reduce(joinPath, ""),
    message
  }))

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const joinPath = (joined: string, key: PropertyKey): string => {
  if (typeof key === "number") return `${joined}[${key}]`
  return joined === "" ? String(key) : `${joined}.${String(key)}`
}
