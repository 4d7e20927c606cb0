import { describe, expect, test } from "vitest";
import { readMessage } from "./read-message.ts";

const call = (args: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_job","arguments":${args}}}`;

function read(args: string): unknown {
  const { params } = readMessage(call(args)) as { params: { arguments: unknown } };
  return params.arguments;
}

describe("the arguments of a call", () => {
  test.each([
    ['{"body": {"id": 7615917337495251231}}', { body: '{"id":7615917337495251231}' }],
    ['{"body": [1.0, {"body": {"2": 1, "1": 1e400}}]}', { body: '[1.0,{"body":{"2":1,"1":1e400}}]' }],
    ['{"body": "as it is", "limit": 5}', { body: "as it is", limit: 5 }],
    ['{"assertions": [{"value": 7615917337495251231}]}', { assertions: [{ value: "7615917337495251231" }] }],
    ["null", {}],
    [JSON.stringify('{"body": {"id": 7615917337495251231}}'), { body: '{"id":7615917337495251231}' }],
    ['"no JSON"', "no JSON"],
    ['"[1]"', "[1]"],
    ["[]", []],
  ])("%s are read as %j", (args, expected) => {
    expect(read(args)).toEqual(expected);
  });

  test("of each message of a batch", () => {
    const batch = readMessage(`[${call('{"body": {"n": 1e400}}')}, ${call("null")}, 5]`);
    expect(batch).toMatchObject([
      { params: { arguments: { body: '{"n":1e400}' } } },
      { params: { arguments: {} } },
      5,
    ]);
  });
});

test("the id of a message is the number that its client can read", () => {
  const id = 7615917337495251231n;
  expect(readMessage(call("{}").replace('"id":1', `"id":${id}`))).toMatchObject({ id: Number(id) });
});

test("what is nested too deep is handed on for whoever refuses it", () => {
  const depth = 100_000;
  const text = call(`{"body":${"[".repeat(depth)}1e400${"]".repeat(depth)}}`);
  expect(readMessage(text)).toHaveProperty("params.arguments.body");
});
