/**
 * The answer of one call, about 1 kB of JSON: the same for all clients, none of which looks for fields of its own.
 */
export const answer = JSON.stringify({
  message_id: "d79c34f5-f4f3-4170-8baa-8baf2efea2a4",
  chat_id: "c1",
  text: "The deductible is 2% of the limit. [1]",
  timestamp: "2024-09-25T19:12:20.178930+00:00",
  type: "assistant",
  vote: "no vote",
  search_results: [1, 2, 3].map((rank) => ({
    text: "A passage of the policy that the answer rests on, as long as passages are.",
    file_id: "66e0fba3089fbd21c4dd80c3",
    page_number: rank,
    score: 10 / rank,
    rank,
    file_name: "policy.pdf",
    classification: null,
    section_headers: ["Deductibles"],
    tags: []
  })),
  generate_button: null,
  tags: []
})
