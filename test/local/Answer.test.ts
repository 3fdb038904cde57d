import { assert, describe, it, layer } from "@effect/vitest"
import { Answer, Database, Documents } from "@weavai/local"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const samplePolicy = join(import.meta.dirname, "../../packages/examples/documents/commercial-property-policy.md")

const inMemory = Layer.fresh(Documents.layer.pipe(Layer.provide(Database.layer())))

const ask = Effect.fnUntraced(function* (fileId: string, question: string) {
  const documents = yield* Documents
  return Answer.compose({ question, ...(yield* documents.search(fileId, question)) })
})

// Question, page of the best passage, and what the answer has to say.
const answerable: ReadonlyArray<readonly [question: string, page: number, fact: string]> = [
  ["Who is the named insured?", 1, "Larkspur Cannery & Cold Storage, LLC"],
  ["What is the policy number?", 1, "TMM-CP-4471820"],
  ["What is the policy period?", 1, "March 1, 2025 to March 1, 2026"],
  ["Who is the mortgagee?", 1, "Columbia Bar Savings Bank"],
  ["Which bank holds the mortgage?", 1, "Columbia Bar Savings Bank"],
  ["Who is the insurance broker?", 1, "Hollis & Wren"],
  ["What is the building limit at premises 2?", 1, "$3,900,000"],
  ["What is the business personal property limit for premises 1?", 1, "$2,150,000"],
  ["What is the limit of insurance for business income at premises 3?", 1, "$150,000"],
  ["What is the total annual premium?", 1, "$74,335"],
  ["When are the premium installments due?", 1, "June 1"],
  ["Where is the cold storage warehouse located?", 1, "1275 Millrace Road"],
  ["How much personal property of others is covered?", 2, "$60,000"],
  ["How long does civil authority coverage last?", 3, "four consecutive weeks"],
  ["How far from the premises can damage be for civil authority?", 3, "one mile"],
  ["What is the limit for dependent properties?", 3, "$200,000"],
  ["Is there coverage for computer virus losses?", 3, "$20,000"],
  ["What is the debris removal limit?", 4, "$50,000"],
  ["Is there coverage for fire department service charges and how much?", 4, "$15,000"],
  ["How much will you pay for pollutant cleanup?", 4, "$40,000"],
  ["How much coverage is there for demolition under ordinance or law?", 4, "$250,000"],
  ["What is the spoilage limit?", 5, "$300,000"],
  ["How much is covered per tree?", 5, "$750"],
  ["Does the policy cover sewer back-up?", 5, "$50,000"],
  ["How long are newly acquired buildings covered?", 5, "120 days"],
  ["What is the general deductible?", 6, "$10,000"],
  ["What is the hail deductible?", 6, "2%"],
  ["What is the deductible for theft?", 6, "$5,000"],
  ["Is damage by insects or rodents insured?", 7, "infestation by insects"],
  ["Is nuclear radiation covered?", 7, "Nuclear reaction"],
  ["What is the theft limit for jewelry?", 7, "$5,000"],
  ["When must proof of loss be submitted?", 8, "within 60 days"],
  ["How many days notice must you give to cancel for nonpayment of premium?", 8, "10 days"],
  ["How much notice is required for nonrenewal?", 8, "45 days"],
  ["After how many days is a building considered vacant?", 8, "60 consecutive days"],
  ["How is an umpire chosen?", 8, "two appraisers choose an umpire"],
  ["How long can you audit our records after the policy ends?", 9, "three years"],
  ["What is a named storm?", 9, "hurricane"],
  ["At what temperature is frozen stock kept?", 9, "0 degrees Fahrenheit"],
  ["What is the expediting expenses limit?", 10, "$50,000"],
  ["How often must cooking hoods be cleaned?", 10, "every six months"],
  ["What share of terrorism losses does the federal government pay?", 10, "80%"]
]

const unanswerable = [
  "What is the capital of France?",
  "Who won the world cup in 2018?",
  "What is the limit for workers compensation?",
  "Does the policy cover dental treatment?",
  "Who is the president of the United States?",
  "What is the liability limit for bodily injury?",
  "Is there coverage for kidnap and ransom?",
  "How many employees does the company have?",
  "What is the speed of light?",
  "How old is the owner?",
  "And?",
  ""
]

describe("Answer", () => {
  layer(inMemory)("on the sample policy", (it) => {
    const policy = Documents.use((documents) => documents.addFile(samplePolicy))

    it.effect("is one document of ten pages", () =>
      Effect.map(policy, (document) => assert.strictEqual(document.pageCount, 10))
    )

    for (const [question, page, fact] of answerable) {
      it.effect(question, () =>
        Effect.gen(function* () {
          const { text, searchResults } = yield* ask((yield* policy).fileId, question)
          assert.include(text, fact)
          assert.strictEqual(searchResults[0]?.pageNumber, page)
        })
      )
    }

    for (const question of unanswerable) {
      it.effect(`has no answer to "${question}"`, () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* ask((yield* policy).fileId, question), {
            text: "Nothing in “commercial-property-policy.md” answers that.",
            searchResults: []
          })
        })
      )
    }

    it.effect("quotes the document and marks each statement with the passage it is from", () =>
      Effect.gen(function* () {
        for (const [question] of answerable) {
          const { text, searchResults } = yield* ask((yield* policy).fileId, question)
          assert.deepStrictEqual(
            searchResults.map((result) => result.rank),
            searchResults.map((_, index) => index + 1)
          )
          const lines = text.split("\n")
          assert.isAtMost(lines.length, 3)
          for (const line of lines) {
            const [, statement = "", rank] = /^(?:- )?(.+) \[(\d)\]$/.exec(line) ?? []
            const source = searchResults[Number(rank) - 1]
            assert.isDefined(source, line)
            const context = [...(source?.sectionHeaders ?? []), source?.text].join("\n")
            for (const piece of statement.split(/\*\* — |\*\*|; /)) assert.include(context, piece)
          }
        }
      })
    )
  })

  layer(inMemory)("with other documents beside it", (it) => {
    it.effect("answers from the one that is asked", () =>
      Effect.gen(function* () {
        const documents = yield* Documents
        const text = readFileSync(samplePolicy, "utf8").replaceAll("2%", "7%").replaceAll("TMM-CP-4471820", "ZZ-1")
        for (const name of ["b.md", "c.md", "d.md"]) {
          yield* documents.add({ fileName: name, content: new TextEncoder().encode(`${name}\n\n${text}`) })
        }
        const { fileId } = yield* documents.addFile(samplePolicy)
        for (const [question, page, fact] of answerable) {
          const answer = yield* ask(fileId, question)
          assert.include(answer.text, fact)
          assert.strictEqual(answer.searchResults[0]?.pageNumber, page)
          for (const result of answer.searchResults) assert.strictEqual(result.fileId, fileId)
        }
      })
    )
  })

  describe("compose", () => {
    const question = "How much is the deductible for hail?"
    const terms = [
      { stem: "deductibl", root: "deduct", synonyms: ["retention"], strength: 1, isFocus: true, weight: 1 },
      { stem: "hail", root: "hail", synonyms: [], strength: 1, isFocus: false, weight: 2 }
    ]
    const passage = (rank: number, text: string, sectionHeaders: ReadonlyArray<string> = []) => ({
      text,
      fileId: "66e0fba3089fbd21c4dd80c3",
      pageNumber: rank,
      score: 10 - rank,
      rank,
      fileName: "policy.pdf",
      classification: null,
      sectionHeaders,
      tags: []
    })
    const compose = (...texts: ReadonlyArray<string>) =>
      Answer.compose({
        question,
        fileName: "policy.pdf",
        terms,
        results: texts.map((text, index) => passage(index + 1, text))
      })

    it("prefers the sentence with an amount when it is asked how much", () => {
      const answer = compose(
        "Hail has a deductible of its own.",
        "The hail deductible is $25,000. It is per occurrence."
      )
      assert.strictEqual(answer.text, "The hail deductible is $25,000. [2]")
      assert.lengthOf(answer.searchResults, 2)
    })

    it("says a thing once", () => {
      const answer = compose("The hail deductible is $25,000.", "The hail deductible is $25,000.")
      assert.strictEqual(answer.text, "The hail deductible is $25,000. [1]")
    })

    it("reads a table row as one statement", () => {
      assert.strictEqual(
        compose("Theft | Deductible: $5,000\nHail | Deductible: $25,000 | Basis: occurrence").text,
        "**Hail** — Deductible: $25,000; Basis: occurrence [1]"
      )
    })

    it("does not end a sentence at an abbreviation", () => {
      const sentence = "The hail deductible of Acme Inc. is $25,000 from 12 p.m. Standard Time."
      assert.strictEqual(compose(`${sentence} Nothing else matters.`).text, `${sentence} [1]`)
    })

    it("leads with the heading when a sentence does not say what it is about", () => {
      const answer = Answer.compose({
        question,
        fileName: "policy.pdf",
        terms,
        results: [passage(1, "The deductible is $25,000.", ["Deductibles", "Hail"])]
      })
      assert.strictEqual(answer.text, "**Hail** — The deductible is $25,000. [1]")
    })

    it("finds nothing in what covers too little of the question", () => {
      assert.deepStrictEqual(compose("The deductible for theft is $5,000."), {
        text: "Nothing in “policy.pdf” answers that.",
        searchResults: []
      })
      assert.deepStrictEqual(compose().searchResults, [])
    })
  })
})
