import type { Answer } from "../sending/answer.ts";

/** What an attempt brings that succeeds. */
export const answered: Answer = {
  status: "succeeded",
  errorCode: null,
  error: null,
  statusCode: 200,
  latencyMs: 5,
  headers: {},
  body: "",
  encoding: "text",
  truncated: false,
  redirectedTo: null,
  hidden: [],
};
