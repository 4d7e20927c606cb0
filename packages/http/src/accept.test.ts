import { expect, test } from "vitest";
import { qualityOf } from "./accept.ts";

test.each<[accept: string | undefined, json: number, stream: number]>([
  [undefined, 1, 1],
  ["", 1, 1],
  [" ", 1, 1],
  ["*/*", 1, 1],
  ["*", 1, 1],
  ["application/json", 1, 0],
  ["APPLICATION/Json", 1, 0],
  ["text/event-stream", 0, 1],
  ["application/json, text/event-stream", 1, 1],
  ["text/event-stream,application/json", 1, 1],
  ["application/*", 1, 0],
  ["text/*;q=0.5, application/json;q=0.25", 0.25, 0.5],
  ["application/json; charset=utf-8", 1, 0],
  ["application/json;charset=utf-8;q=0", 0, 0],
  ["application/json; Q=0.3 , */*; q=0.1", 0.3, 0.1],
  ["*/*, text/event-stream;q=0", 1, 0],
  ["text/event-stream;q=0.0, */*;q=0.000", 0, 0],
  ["*/*;q=0, text/*;q=1", 0, 1],
  ["text/html, image/gif, *; q=.2, */*; q=.2", 0.2, 0.2],
  ["application/json;q=0.5, application/json", 1, 0],
  ["text/html", 0, 0],
  ["application/json-seq, text/event-stream+x", 0, 0],
  ["json", 0, 0],
  [",;q=1,, application/json", 1, 0],
  ["application/json;q=", 1, 0],
  ["application/json;q=7, text/event-stream;q=-1", 1, 0],
])("Accept: %s wants JSON by %f and a stream by %f", (accept, json, stream) => {
  expect(qualityOf("application/json", accept)).toBe(json);
  expect(qualityOf("text/event-stream", accept)).toBe(stream);
});
