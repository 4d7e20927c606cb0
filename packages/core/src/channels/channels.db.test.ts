import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ChannelType, type Input, SchedulerError } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { deliver } from "../testing/deliver.ts";
import { everythingStored } from "../testing/everything-stored.ts";
import { drain, startTarget, type Target, testClock } from "../testing/index.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run, create } = testBench({ clock, job: { retry: { max_attempts: 1 } } });

let ear: Target;
beforeAll(async () => {
  ear = await startTarget();
});
beforeEach(() => {
  ear.arrivals.length = 0;
  ear.answer(200);
});
afterAll(() => ear.close());

const at = (seconds: number) => new Date(Date.parse(noon) + seconds * 1000);
const token = `123456789:${"Ab1".repeat(12)}`;

/** One channel of each type that is reached by HTTP, here at the ear. */
const reached = (): [ChannelType, Input<"create_channel">][] => [
  [
    "webhook",
    { name: "hook", type: "webhook", url: `${ear.url}/hook-path-1234`, secret: "signing-secret-1" },
  ],
  ["slack", { name: "slack", type: "slack", url: `${ear.url}/services/T000/B000/XXXX` }],
  ["discord", { name: "discord", type: "discord", url: `${ear.url}/api/webhooks/1/XXXX` }],
  ["telegram", { name: "telegram", type: "telegram", bot_token: token, chat_id: "-100123", url: ear.url }],
];

/** Tests a channel; what a worker would do is done here. */
async function testOf(channel_id: string) {
  const testing = run("test_channel", { channel_id, wait_seconds: 10 });
  let over = false;
  void testing.finally(() => (over = true)).catch(() => {});
  while (!over) {
    await deliver(setup.scheduler, clock);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return testing;
}

async function failOnce(seconds: number): Promise<void> {
  target.answer(500);
  clock.set(at(seconds));
  await create({ name: "broken" });
  await drain(setup.scheduler, clock, at(seconds));
  await deliver(setup.scheduler, clock, at(seconds));
}

describe("a channel", () => {
  test.each(["webhook", "slack", "discord", "telegram"])(
    "of type %s is tested, and its way is never shown",
    async (type) => {
      const [, input] = reached().find(([of]) => of === type)!;
      const made = await run("create_channel", input);
      ear.answer(({ path }, response) => void response.end(`{"ok":true,"echo":"${path}"}`));
      const result = await testOf(made.id);
      expect(result).toMatchObject({ channel_id: made.id, status: "sent", status_code: 200, error: null });
      expect(result.answer).toContain('"ok":true');
      expect(ear.arrivals).toHaveLength(1);
      expect(ear.arrivals[0]!.path).toBe(
        type === "telegram" ? `/bot${token}/sendMessage` : new URL(input.url!).pathname,
      );
      expect(ear.arrivals[0]!.body).toContain("This channel works");
      const shown = JSON.stringify([
        made,
        result,
        (await run("list_channels", {})).data,
        (await run("list_deliveries", {})).data,
      ]);
      const stored = await everythingStored(setup.scheduler);
      for (const value of [token, "hook-path-1234", "XXXX", "signing-secret-1"]) {
        expect(shown).not.toContain(value);
        expect(stored).not.toContain(value);
      }
    },
  );

  test("that does not answer well says so when it is tested", async () => {
    const made = await run("create_channel", reached()[1]![1]);
    ear.answer((_, response) => void response.writeHead(404).end("no_service"));
    expect(await testOf(made.id)).toMatchObject({
      status: "failed",
      status_code: 404,
      answer: "no_service",
      advice: expect.stringContaining("Mend"),
    });
  });

  test("of a webhook signs by Standard Webhooks with its own secret", async () => {
    const key = Buffer.from("a key of 24 bytes or so!");
    const made = await run("create_channel", {
      ...reached()[0]![1],
      secret: `whsec_${key.toString("base64")}`,
    });
    await testOf(made.id);
    const { headers, body } = ear.arrivals[0]!;
    const signed = `${headers["webhook-id"] as string}.${headers["webhook-timestamp"] as string}.${body}`;
    const signature = createHmac("sha256", key).update(signed).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${signature}`);
  });

  test.each<[string, Partial<Input<"create_channel">>, string]>([
    ["without a URL", { type: "slack" }, "url"],
    ["without an address", { type: "email" }, "email"],
    ["without a chat", { type: "telegram", bot_token: token }, "chat_id"],
    [
      "with what it has no use for",
      { type: "slack", url: "https://a.example", secret: "12345678" },
      "secret",
    ],
    ["at a private address", { type: "webhook", url: "http://10.0.0.1/" }, "url"],
    ["of another type", { type: "pager" as ChannelType }, "type"],
    ["at no address", { type: "email", email: "nobody" }, "email"],
    ["at two addresses", { type: "email", email: "a@example.com, b@example.com" }, "email"],
  ])("%s is refused", async (_, more, field) => {
    const error: unknown = await run("create_channel", { name: "a", type: "webhook", ...more }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(SchedulerError);
    expect(error).toMatchObject({ code: "invalid_input", field, hint: expect.stringMatching(/\w/) });
  });

  test("is changed, but for what is not said", async () => {
    const made = await run("create_channel", reached()[0]![1]);
    await run("update_channel", { channel_id: made.id, name: "other", url: `${ear.url}/elsewhere` });
    await testOf(made.id);
    expect(ear.arrivals[0]).toMatchObject({
      path: "/elsewhere",
      headers: { "webhook-signature": expect.any(String) },
    });
    expect((await run("list_channels", {})).data).toMatchObject([{ id: made.id, name: "other" }]);
  });

  test("says that mails are not sent from here", async () => {
    const made = await run("create_channel", { name: "mail", type: "email", email: "ops@example.com" });
    expect(made.notes).toEqual([expect.stringContaining("SMTP_URL")]);
    expect(await testOf(made.id)).toMatchObject({
      status: "failed",
      error: { message: expect.stringContaining("SMTP_URL") },
    });
  });
});

describe("a notification", () => {
  test("is tried again, six times within about an hour, and can be retried by hand", async () => {
    const { id: channel_id } = await run("create_channel", reached()[0]![1]);
    await run("add_rule", { channel_id, event: "on_failure" });
    ear.answer(503);
    await failOnce(0);
    const tries: number[] = [0];
    for (let minute = 1; minute <= 180; minute++) {
      const before = ear.arrivals.length;
      await deliver(setup.scheduler, clock, at(minute * 60 + 30));
      if (ear.arrivals.length > before) tries.push(minute);
    }
    expect(tries).toHaveLength(6);
    expect(tries.at(-1)).toBeGreaterThanOrEqual(55);
    expect(tries.at(-1)).toBeLessThanOrEqual(75);
    const { data } = await run("list_deliveries", { status: "failed", channel_id });
    expect(data).toMatchObject([
      { kind: "notification", event: "on_failure", status_code: 503, attempt_count: 6 },
    ]);
    ear.answer(200);
    expect(await run("retry_delivery", { delivery_id: data[0]!.id })).toMatchObject({ status: "pending" });
    await deliver(setup.scheduler, clock);
    expect((await run("list_deliveries", { channel_id })).data).toMatchObject([{ status: "sent" }]);
  });

  test("to a channel that is gone disables it, which is listed with what it was not told", async () => {
    const { id: channel_id } = await run("create_channel", reached()[1]![1]);
    await run("add_rule", { channel_id, event: "on_failure" });
    ear.answer((_, response) => void response.writeHead(404).end("no_service"));
    await failOnce(0);
    await failOnce(1);
    await failOnce(2);
    expect(ear.arrivals).toHaveLength(1);
    const [channel] = (await run("list_channels", {})).data;
    expect(channel).toMatchObject({
      disabled_at: at(0).toISOString(),
      disabled_reason: expect.stringContaining("no_service"),
      untold: 2,
    });
    expect((await run("list_deliveries", {})).data).toMatchObject([
      { status: "failed", error: { code: "gone" } },
    ]);
    ear.answer(200);
    const enabled = await run("update_channel", { channel_id, url: `${ear.url}/new` });
    expect(enabled).toMatchObject({ disabled_at: null, disabled_reason: null, untold: 0 });
    await failOnce(3);
    expect(ear.arrivals.map(({ path }) => path).at(-1)).toBe("/new");
  });

  test("to a channel that is deleted meanwhile is recorded as failed", async () => {
    const { id: channel_id } = await run("create_channel", reached()[0]![1]);
    await run("add_rule", { channel_id, event: "on_failure" });
    target.answer(500);
    await create({});
    await drain(setup.scheduler, clock);
    await run("delete_channel", { channel_id });
    await deliver(setup.scheduler, clock);
    expect(ear.arrivals).toEqual([]);
    expect((await run("list_deliveries", { channel_id })).data).toMatchObject([
      { status: "failed", error: { code: "gone", message: "The channel was deleted." } },
    ]);
  });
});
