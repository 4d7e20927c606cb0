import { afterAll, beforeAll, expect, test } from "vitest";
import { deliver } from "../testing/deliver.ts";
import { everythingStored } from "../testing/everything-stored.ts";
import { drain, startTarget, type Target, testClock } from "../testing/index.ts";
import { type MailServer, startMailServer } from "../testing/mail-server.ts";
import { openTestScheduler, type TestScheduler } from "../testing/scheduler.ts";

const clock = testClock("2026-03-01T12:00:00Z");
let server: MailServer;
let setup: TestScheduler;
let target: Target;

beforeAll(async () => {
  server = await startMailServer({
    onRcptTo({ address }, _, done) {
      const unknown = Object.assign(new Error(`5.1.1 <${address}> is not known here`), { responseCode: 550 });
      done(address.startsWith("nobody") ? unknown : null);
    },
  });
  const mail = { smtpUrl: `smtp://127.0.0.1:${server.port}`, smtpFrom: "scheduler@example.com" };
  setup = await openTestScheduler({ clock, mail });
  target = await startTarget();
});
afterAll(async () => {
  await target.close();
  await setup[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test("a failure is mailed; a recipient that is refused disables the channel, and is not shown by what the server says", async () => {
  const run = (name: "create_channel" | "add_rule" | "create_job", input: object) =>
    setup.scheduler.execute(name, input as never, setup.caller);
  for (const email of ["ops@example.com", "nobody-here@example.com"]) {
    const channel = await run("create_channel", { name: email.slice(0, 3), type: "email", email });
    expect(channel).not.toHaveProperty("notes");
    await run("add_rule", { channel_id: channel.id, event: "on_failure" });
  }
  target.answer(500);
  await run("create_job", { name: "nightly", url: target.url, retry: { max_attempts: 1 } });
  await drain(setup.scheduler, clock);
  await deliver(setup.scheduler, clock);
  expect(server.received).toMatchObject([{ to: ["ops@example.com"] }]);
  const { data: channels } = await setup.scheduler.execute("list_channels", {}, setup.caller);
  expect(channels.toSorted((one, other) => (one.name < other.name ? -1 : 1))).toMatchObject([
    { name: "nob", disabled_reason: "The mail server refused the recipient (550)." },
    { name: "ops", disabled_at: null },
  ]);
  const { data } = await setup.scheduler.execute("list_deliveries", {}, setup.caller);
  expect(data.map(({ status }) => status).sort()).toEqual(["failed", "sent"]);
  const shown = JSON.stringify(data) + (await everythingStored(setup.scheduler));
  expect(shown).not.toMatch(/ops@example|nobody-here/);
  expect(shown).toContain("[secret:email]");
});
