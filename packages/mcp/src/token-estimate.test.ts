import { encode } from "gpt-tokenizer";
import { expect, it } from "vitest";
import { estimateTokens } from "./token-estimate.ts";

const samples = {
  prose: "A job is a saved request with a schedule. An execution is what became of one slot; it never lies. ",
  rows: '{"id":"job_01h455vb4pex5vsknk084sn02q","number":12,"next_run_at":"2026-07-01T09:00:00.000Z"},',
  uuids: "0190163d-8694-739b-aea5-966c26f8ad91,",
  base64: "q8Zr0T+kP/x3LmB1vWnYd7JhU5eCgS2oAaF9iRtNQ4jXbOuEzM6wKfDcVGlHyIps",
  headline: "THE SERVER ANSWERED WITH AN ERROR PAGE ",
  greek: "Ο προγραμματιστής στέλνει αιτήματα την κατάλληλη στιγμή. ",
  chinese: "定时任务在正确的时刻发送请求。",
};

it.each(Object.entries(samples))("does not take %s for less than it is", (_, sample) => {
  const text = sample.repeat(50);
  const tokens = encode(text).length;
  expect(estimateTokens(text)).toBeGreaterThanOrEqual(tokens * 0.95);
  expect(estimateTokens(text)).toBeLessThanOrEqual(tokens * 3);
});
