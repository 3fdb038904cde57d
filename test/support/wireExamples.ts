/**
 * Bodies as the service writes them, with every field that the contract names.
 */

export const chatId = "google-oauth2|117349365869611297391_Insurance Underwriting AI Agent"
export const fileId = "66e0fba3089fbd21c4dd80c3"

/** What the examples answer. */
export const question = { userInput: "What is the deductible?", chatId, fileId }

export const searchResult = {
  text: "The deductible is $5,000.",
  file_id: fileId,
  page_number: 3,
  score: 0.87,
  rank: 1,
  file_name: "policy.pdf",
  classification: { page_class: "declarations", page_sections: ["limits"], page_no: 3 },
  section_headers: ["Deductibles"],
  tags: ["2024"]
}

export const chatResponse = {
  message_id: "d79c34f5-f4f3-4170-8baa-8baf2efea2a4",
  chat_id: chatId,
  text: "The **deductible** is $5,000.<br> [1]",
  timestamp: "2024-09-25 19:12:20.178930+00:00",
  type: "assistant",
  vote: "no vote",
  search_results: [searchResult],
  generate_button: "Generate a summary",
  tags: ["answer"]
}

export const historyMessage = {
  message_id: "0c1d",
  chat_id: chatId,
  text: "",
  timestamp: "2024-09-25T19:12:20Z",
  type: "user",
  vote: "no vote",
  search_results: [{ anything: true }],
  generate_button: false,
  tags: ["a", 1]
}

export const chatHistory = { messages: [historyMessage] }

export const logRow = {
  id: "66f4",
  timestamp: "2024-09-24T01:05:29.775000",
  type: "assistant",
  valid: true,
  vote: "up",
  chat_id: chatId,
  user_id: "117349365869611297391",
  tags: ["claims"],
  text: "Hail is covered."
}

export const chatLogs = { messages: [logRow], total_records: 1, current_skip: 0 }

/** One piece of a streamed answer. */
export const piece = (text: string) => ({ ...chatResponse, text, search_results: [], generate_button: null, tags: [] })
