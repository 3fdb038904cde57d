import { assert, describe, layer } from "@effect/vitest"
import { Database, type Document, type DocumentError, Documents } from "@weavai/local"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { temporaryFolder } from "../support/temporaryFolder.ts"

const inMemory = Layer.fresh(Documents.layer.pipe(Layer.provideMerge(Database.layer())))

const bytes = (text: string) => new TextEncoder().encode(text)

const add = (fileName: string, content: string | Uint8Array) =>
  Documents.use((documents) =>
    documents.add({ fileName, content: typeof content === "string" ? bytes(content) : content })
  )

const search = (document: Document, query: string, limit?: number) =>
  Effect.map(
    Documents.use((documents) => documents.search(document.fileId, query, limit)),
    (found) => found.results
  )

const pageTexts = (document: Document) =>
  Database.use((database) =>
    database.run((sql) =>
      sql
        .all<{ text: string }>("SELECT text FROM pages WHERE file_id = ? ORDER BY page_number", document.fileId)
        .map((row) => row.text)
    )
  )

describe("Documents", () => {
  layer(inMemory)("add", (it) => {
    it.effect("gives the same document the same id, here and in any other database", () =>
      Effect.gen(function* () {
        const first = yield* add("policy.txt", "Hail is covered.")
        assert.match(first.fileId, /^[0-9a-f]{24}$/)
        assert.deepStrictEqual(yield* add("policy.txt", "Hail is covered."), first)
        assert.deepStrictEqual(yield* Documents.use((documents) => documents.list), [first])
        assert.deepStrictEqual(yield* Documents.use((documents) => documents.get(first.fileId)), first)
        const elsewhere = yield* add("policy.txt", "Hail is covered.").pipe(Effect.provide(inMemory, { local: true }))
        assert.strictEqual(elsewhere.fileId, first.fileId)
      })
    )

    it.effect("tells apart what differs in name or content", () =>
      Effect.gen(function* () {
        const ids = [
          (yield* add("a.txt", "Hail is covered.")).fileId,
          (yield* add("b.txt", "Hail is covered.")).fileId,
          (yield* add("a.txt", "Hail is excluded.")).fileId
        ]
        assert.strictEqual(new Set(ids).size, 3)
      })
    )

    it.effect("stores a document once when it is added twice at the same time", () =>
      Effect.gen(function* () {
        const file = pdf([text(72, 700, "Twice.")])
        const both = yield* Effect.all([add("twice.pdf", file), add("twice.pdf", file)], { concurrency: 2 })
        assert.strictEqual(both[0].fileId, both[1].fileId)
        const listed = yield* Documents.use((documents) => documents.list)
        assert.lengthOf(
          listed.filter((document) => document.fileName === "twice.pdf"),
          1
        )
      })
    )

    it.effect("keeps documents in a file", () =>
      Effect.gen(function* () {
        const filename = join(temporaryFolder(), "data.db")
        const open = () => Documents.layer.pipe(Layer.provide(Database.layer({ filename })))
        const document = yield* add("policy.txt", "Hail is covered.").pipe(Effect.provide(open()))
        const [result] = yield* search(document, "hail").pipe(Effect.provide(open()))
        assert.strictEqual(result?.text, "Hail is covered.")
      })
    )

    it.effect("names an id that no document has", () =>
      Effect.gen(function* () {
        const get = Documents.use((documents) => documents.get("66e0fba3089fbd21c4dd80c3"))
        const find = Documents.use((documents) => documents.search("66e0fba3089fbd21c4dd80c3", "hail"))
        for (const error of [yield* Effect.flip(get), yield* Effect.flip(find)]) {
          assert.strictEqual(error._tag, "DocumentNotFound")
          assert.include(error.message, "66e0fba3089fbd21c4dd80c3")
        }
      })
    )

    it.effect("says what is wrong with a document", () =>
      Effect.gen(function* () {
        const wrong: ReadonlyArray<
          [name: string, content: string | Uint8Array, reason: DocumentError["reason"], message: string]
        > = [
          ["rates.xlsx", "x", "UnsupportedType", "A .xlsx file cannot be read"],
          ["LICENSE", "x", "UnsupportedType", "without an extension"],
          ["empty.txt", "", "Empty", "empty"],
          ["blank.md", " \n\f\n ", "Empty", "nothing but white space"],
          ["latin1.txt", Uint8Array.from([0x63, 0x61, 0x66, 0xe9]), "NotText", "not UTF-8"],
          ["broken.pdf", "%PDF-1.4 and then nothing of the kind", "BrokenPdf", "damaged"],
          ["locked.pdf", pdf(["Secret"], encryption), "EncryptedPdf", "password"],
          ["scan.pdf", pdf([""]), "NoTextLayer", "OCR"]
        ]
        for (const [name, content, reason, message] of wrong) {
          const error = yield* Effect.flip(add(name, content))
          assert.strictEqual(error._tag === "DocumentError" && error.reason, reason, name)
          assert.include(error.message, message)
          assert.strictEqual("path" in error && error.path, name)
        }
      })
    )
  })

  layer(inMemory)("pages", (it) => {
    it.effect("end at form feeds, of which one at the end opens no page", () =>
      Effect.gen(function* () {
        const document = yield* add("feeds.txt", "\uFEFFFirst apple.\r\n\f\n\f\nThird cherry.\n\f\n")
        assert.strictEqual(document.pageCount, 3)
        assert.deepStrictEqual(yield* pageTexts(document), ["First apple.", "", "Third cherry."])
        const [result] = yield* search(document, "cherry")
        assert.strictEqual(result?.pageNumber, 3)
      })
    )

    const cut = Effect.fnUntraced(function* (name: string, content: string) {
      const pages = yield* pageTexts(yield* add(name, content))
      assert.isAbove(pages.length, 1)
      for (const page of pages) assert.isAtMost(page.length, 3000)
      assert.strictEqual(pages.join("").replace(/\s+/g, ""), content.replace(/\s+/g, ""))
      return pages
    })
    const sentence = "The insurer pays for the loss that is left after the deductible. "

    it.effect("are cut before a heading where there is one", () =>
      Effect.gen(function* () {
        const section = (n: number) => `## Section ${n}\n\n${sentence.repeat(15)}\n\n${sentence.repeat(15)}\n`
        const pages = yield* cut("headings.md", [1, 2, 3, 4].map(section).join("\n"))
        assert.deepStrictEqual(
          pages.map((page) => page.split("\n")[0]),
          ["## Section 1", "## Section 2", "## Section 3", "## Section 4"]
        )
      })
    )

    it.effect("are cut between paragraphs, lines or words otherwise, and never in a character", () =>
      Effect.gen(function* () {
        const paragraph = sentence.repeat(8).trim()
        for (const page of yield* cut("paragraphs.txt", Array(20).fill(paragraph).join("\n\n"))) {
          assert.strictEqual(page.length % (paragraph.length + 2), paragraph.length)
        }
        for (const page of yield* cut("lines.txt", Array(200).fill(sentence.trim()).join("\n"))) {
          assert.isTrue(page.endsWith("deductible."))
        }
        for (const page of yield* cut("words.txt", "hailstorm ".repeat(1000))) {
          assert.isTrue(page.endsWith("hailstorm"))
        }
        yield* cut("letters.txt", `a${"\u{1F600}".repeat(4000)}`)
      })
    )

    it.effect("tell the section they go on with", () =>
      Effect.gen(function* () {
        const document = yield* add(
          "sections.md",
          "# Policy\n\n## Conditions\n\nFirst part.\n\n### Vacancy\n\nEmpty.\f\nMore on quinces.\n\n## Definitions\n\nPears."
        )
        const [quinces] = yield* search(document, "quinces")
        assert.deepStrictEqual(quinces?.sectionHeaders, ["Conditions", "Vacancy"])
        assert.deepStrictEqual(quinces?.classification, {
          pageClass: null,
          pageSections: ["Vacancy", "Definitions"],
          pageNo: 2
        })
        const [pears] = yield* search(document, "pears")
        assert.deepStrictEqual(pears?.sectionHeaders, ["Definitions"])
      })
    )

    it.effect("find the headings of plain text", () =>
      Effect.gen(function* () {
        const document = yield* add(
          "plain.txt",
          "LOSS CONDITIONS\nWe pay for plums.\n\n4.2 Appraisal Of Loss\nAn umpire decides on figs.\n\nDeductible\n==========\nAlmonds are extra."
        )
        const headersFor = (query: string) => Effect.map(search(document, query), ([result]) => result?.sectionHeaders)
        assert.deepStrictEqual(yield* headersFor("plums"), ["LOSS CONDITIONS"])
        assert.deepStrictEqual(yield* headersFor("figs"), ["LOSS CONDITIONS", "4.2 Appraisal Of Loss"])
        assert.deepStrictEqual(yield* headersFor("almonds"), ["Deductible"])
      })
    )
  })

  layer(inMemory)("PDF", (it) => {
    it.effect("keeps its pages, and joins what belongs together", () =>
      Effect.gen(function* () {
        const document = yield* add(
          "small.pdf",
          pdf([
            `${text(72, 720, "General Conditions", 18)} ${text(72, 690, "The insured shall give prompt no-")} ${text(72, 677, "tice of a loss.")}`,
            `${text(72, 720, "Theft", 12, "B")} ${text(300, 720, "$5,000")} ${text(72, 700, "Wind")} ${text(300, 700, "2% of")} ${text(300, 687, "the limit")} ${text(72, 660, "A different paragraph.")}`
          ])
        )
        assert.strictEqual(document.pageCount, 2)
        assert.deepStrictEqual(yield* pageTexts(document), [
          "## General Conditions\n\nThe insured shall give prompt notice\nof a loss.".replace(
            "notice\nof",
            "notice of"
          ),
          "| Theft | $5,000 |\n| Wind | 2% of the limit |\n\nA different paragraph."
        ])
        const [notice] = yield* search(document, "prompt notice")
        assert.strictEqual(notice?.pageNumber, 1)
        assert.deepStrictEqual(notice?.sectionHeaders, ["General Conditions"])
        const [wind] = yield* search(document, "wind")
        assert.strictEqual(wind?.pageNumber, 2)
      })
    )

    it.effect("makes a table of rows under a header", () =>
      Effect.gen(function* () {
        const row = (y: number, font: string, cells: ReadonlyArray<string>) =>
          cells.map((cell, index) => text(72 + 150 * index, y, cell, 10, font)).join(" ")
        const document = yield* add(
          "table.pdf",
          pdf([
            [
              row(700, "B", ["Premises", "Building", "Contents"]),
              row(680, "F", ["1", "$640", "$215"]),
              row(660, "F", ["2", "$390", "$127"])
            ].join(" ")
          ])
        )
        const [result] = yield* search(document, "contents of premises 2")
        assert.include(result?.text, "Premises 2 | Building: $390 | Contents: $127")
      })
    )

    it.effect("reads one column of prose after the other", () =>
      Effect.gen(function* () {
        const column = (x: number, words: string) =>
          words
            .split("/")
            .map((line, index) => text(x, 700 - 12 * index, line))
            .join(" ")
        const drawn = `${column(72, "We pay for direct/loss to the house")} ${column(320, "Cancellation takes/effect after ten days")}`
        const [page] = yield* pageTexts(yield* add("columns.pdf", pdf([drawn])))
        assert.match(page ?? "", /We pay for direct loss to the house.*Cancellation takes effect after ten days/s)
      })
    )

    it.effect("leaves out what is printed on every page", () =>
      Effect.gen(function* () {
        const pages = ["apples", "pears", "plums", "figs"].map(
          (fruit, index) =>
            `${text(72, 770, `Policy 4711 - page ${index + 1} of 4`, 8)} ${text(72, 700, `About ${fruit} only.`)}`
        )
        const texts = yield* pageTexts(yield* add("running.pdf", pdf(pages)))
        assert.deepStrictEqual(texts.slice(1), ["About pears only.", "About plums only.", "About figs only."])
        assert.include(texts[0], "Policy 4711")
      })
    )
  })

  layer(inMemory)("addDirectory", (it) => {
    it.effect("adds what it can from all folders and reports the rest", () =>
      Effect.gen(function* () {
        const root = temporaryFolder()
        mkdirSync(join(root, "claims", "2025"), { recursive: true })
        mkdirSync(join(root, ".git"))
        writeFileSync(join(root, ".git", "notes.txt"), "hidden")
        writeFileSync(join(root, ".hidden.txt"), "hidden")
        writeFileSync(join(root, "b.TXT"), "Second.")
        writeFileSync(join(root, "a.md"), "First.")
        writeFileSync(join(root, "claims", "2025", "c.markdown"), "Third.")
        writeFileSync(join(root, "claims", "d.pdf"), pdf([text(72, 700, "Fourth.")]))
        writeFileSync(join(root, "claims", "e.docx"), "x")
        writeFileSync(join(root, "claims", "f.pdf"), "x")
        symlinkSync(root, join(root, "loop"))
        symlinkSync(join(root, "nowhere.txt"), join(root, "z.txt"))
        const { documents, skipped } = yield* Documents.use((service) => service.addDirectory(root))
        assert.deepStrictEqual(
          documents.map((document) => document.fileName),
          ["a.md", "b.TXT", "c.markdown", "d.pdf"]
        )
        assert.deepStrictEqual(
          skipped.map((error) => [error.path, error.reason]),
          [
            [join(root, "claims", "e.docx"), "UnsupportedType"],
            [join(root, "claims", "f.pdf"), "BrokenPdf"],
            [join(root, "loop"), "UnsupportedType"],
            [join(root, "z.txt"), "Unreadable"]
          ]
        )
      })
    )

    it.effect("fails when the path itself cannot be read", () =>
      Effect.gen(function* () {
        const path = join(tmpdir(), "weavai-no-such-folder")
        const service = yield* Documents
        for (const effect of [service.addDirectory(path), service.addFile(`${path}.txt`)]) {
          const error = yield* Effect.flip<unknown, { readonly message: string }, never>(effect)
          assert.include(error.message, "no such file")
        }
        const folder = join(temporaryFolder(), "folder.txt")
        mkdirSync(folder)
        assert.include((yield* Effect.flip(service.addFile(folder))).message, "not a file")
      })
    )
  })

  layer(inMemory)("search", (it) => {
    const policy = add(
      "policy.md",
      `# Policy

## Limits

| Coverage | Limit |
| --- | --- |
| Debris removal | $50,000 |
| Pollutant clean-up | $40,000 |

## Cancellation

We may cancel this policy by mailing a notice 60 days before. Notices go to the insured.

## Exclusions

- Flood, and water that backs up through sewers.
- Earthquakes.
- Wear and tear, rust and corrosion.

## Duties

You must keep records and books, and protect the property from further damage.`
    )

    it.effect("ranks by a positive score, numbers from 1 and stops at the limit", () =>
      Effect.gen(function* () {
        const document = yield* policy
        const all = yield* search(
          document,
          "notice of cancellation, limit of removal, property damage, earthquake flood"
        )
        assert.isAbove(all.length, 2)
        assert.deepStrictEqual(
          all.map((result) => result.rank),
          all.map((_, index) => index + 1)
        )
        for (const [index, result] of all.entries()) {
          assert.isAbove(result.score, 0)
          assert.isAtMost(result.score, all[index - 1]?.score ?? Number.POSITIVE_INFINITY)
          assert.deepInclude(result, { fileId: document.fileId, fileName: "policy.md", pageNumber: 1, tags: [] })
        }
        assert.deepStrictEqual(
          yield* search(document, "notice of cancellation, limit of removal, property damage, earthquake flood", 2),
          all.slice(0, 2)
        )
        assert.deepStrictEqual(yield* search(document, "flood", 0), [])
      })
    )

    it.effect("finds numbers, amounts, compounds and other forms of a word", () =>
      Effect.gen(function* () {
        const document = yield* policy
        const expected: ReadonlyArray<[query: string, text: string]> = [
          ["$50,000", "Debris removal | Limit: $50,000"],
          ["50000", "Debris removal | Limit: $50,000"],
          ["cleanup", "Pollutant clean-up | Limit: $40,000"],
          ["clean-up", "Pollutant clean-up | Limit: $40,000"],
          ["pollutants", "Pollutant clean-up | Limit: $40,000"],
          ["earthquake", "Earthquakes"],
          ["cancellation", "We may cancel this policy"],
          ["cancelled", "We may cancel this policy"],
          ["CORROSION", "rust and corrosion"],
          ["protection", "protect the property"]
        ]
        for (const [query, text] of expected) {
          const [result] = yield* search(document, query)
          assert.include(result?.text, text, query)
        }
      })
    )

    it.effect("takes every query for plain words", () =>
      Effect.gen(function* () {
        const document = yield* policy
        const queries = [
          '"',
          '"flood',
          "flood AND (",
          "NEAR(flood earthquake, 2)",
          "headings : flood",
          "{body} : flood",
          "flood* OR NOT",
          "^flood",
          "-flood",
          "flood + earthquake",
          "'; DROP TABLE pages; --",
          "\0flood\0",
          "flood \ud800",
          "flood \u{1F600}"
        ]
        for (const query of queries) {
          const results = yield* search(document, query)
          if (query.includes("flood")) assert.include(results[0]?.text, "Flood", query)
        }
        assert.deepStrictEqual(yield* search(document, ""), [])
        assert.deepStrictEqual(yield* search(document, "what is the"), [])
        assert.deepStrictEqual(yield* search(document, "AND OR NOT"), [])
      })
    )

    it.effect("stays within one document", () =>
      Effect.gen(function* () {
        const document = yield* policy
        const other = yield* add("other.md", "Flood is what this other paper is about. Flood!")
        for (const { fileId } of yield* search(document, "flood")) assert.strictEqual(fileId, document.fileId)
        assert.lengthOf(yield* search(other, "flood"), 1)
      })
    )
  })
})

const text = (x: number, y: number, words: string, size = 10, font = "F") =>
  `BT /${font} ${size} Tf ${x} ${y} Td (${words.replace(/[()\\]/g, "\\$&")}) Tj ET`

// Standard security handler with a user password that is not the empty one.
const encryption = `/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${"41".repeat(32)}> /U <${"42".repeat(32)}> >> /ID [<00><00>]`

/** A PDF file with these page contents: two fonts, `F` for text and `B` for bold. */
const pdf = (pages: ReadonlyArray<string>, trailer = ""): Uint8Array => {
  const font = (name: string) =>
    `<< /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding /FirstChar 32 /LastChar 126 /Widths [${"500 ".repeat(95)}] >>`
  const kids = pages.map((_, index) => `${5 + 2 * index} 0 R`)
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${pages.length} /Kids [${kids.join(" ")}] /MediaBox [0 0 612 792] /Resources << /Font << /F 3 0 R /B 4 0 R >> >> >>`,
    font("Helvetica"),
    font("Helvetica-Bold"),
    ...pages.flatMap((content, index) => [
      `<< /Type /Page /Parent 2 0 R /Contents ${6 + 2 * index} 0 R >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`
    ])
  ]
  let file = "%PDF-1.4\n"
  const offsets = objects.map((object, index) => {
    const offset = file.length
    file += `${index + 1} 0 obj\n${object}\nendobj\n`
    return offset
  })
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("")
  const size = objects.length + 1
  file += `xref\n0 ${size}\n0000000000 65535 f \n${table}trailer << /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${file.length}\n%%EOF\n`
  return bytes(file)
}
