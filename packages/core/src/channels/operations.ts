import { type Channel, type ParsedInput, SchedulerError } from "@org/scheduler-contract";
import { beyond } from "../access/bounds.ts";
import { hostMatches } from "../access/hosts.ts";
import { changing, seeing } from "../access/made-by.ts";
import { type Caller, describeCaller } from "../access/caller.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { findDelivery } from "../deliveries/deliveries.sql.ts";
import { toDelivery } from "../deliveries/delivery.ts";
import { noKey } from "../encryption/no-key.ts";
import { pageOf } from "../database/page.ts";
import { fromPublicId, newId, toPublicId } from "../ids.ts";
import { assertTargets } from "../jobs/targets.ts";
import { type FollowUp, type Handlers, sessionIn, type WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { retimeGathered } from "../rules/gather.ts";
import { channelShare, insertNotifications } from "../rules/gather.sql.ts";
import { tell } from "../rules/tell.ts";
import { type ChannelConfig, configFields, fieldsOf, openConfig, sealConfig } from "./config.ts";
import { toChannel } from "./channel.ts";
import { requireChannel } from "./require.ts";
import {
  type ChannelRow,
  countChannels,
  deleteChannel,
  insertChannel,
  updateChannel,
} from "./channels.sql.ts";

const maxChannels = 1000;

type Names = "list_channels" | "create_channel" | "update_channel" | "delete_channel" | "test_channel";

export const channelOperations: Handlers<Names> = {
  async list_channels({ db, caller }, { limit, cursor }) {
    const rows = await pageOf(db, "channels", {
      of: seeing(caller),
      before: readCursor("chan", cursor),
      limit,
    });
    return toPage(rows, { limit, prefix: "chan", view: toChannel });
  },

  async create_channel(context, { name, type, ...given }) {
    const { tx, caller, now, cipher } = context;
    const config = checked(context, type, given);
    if (!cipher) throw noKey("How a channel is reached");
    if ((await countChannels(tx, caller.scopeId)) >= maxChannels) throw tooMany();
    const owner = { scope_id: caller.scopeId, id: newId(now) };
    const row = await insertChannel(tx, {
      ...owner,
      name,
      type,
      sealed: sealConfig(config, owner, cipher),
      created_by: describeCaller(caller),
      created_at: now,
      updated_at: now,
    });
    const notes = type === "email" && !context.sendsMail ? [noMail] : [];
    return { ...toChannel(row), ...(notes.length > 0 && { notes }) };
  },

  async update_channel(context, { channel_id, name, muted_until, disabled, ...given }) {
    const { tx, caller, now } = context;
    const channel = await requireChannel(tx, changing(caller), channel_id);
    const sealed = reconfigured(context, channel, given);
    const until = muted_until === undefined ? undefined : muted_until === null ? null : new Date(muted_until);
    const enables = disabled === false || (disabled === undefined && sealed !== undefined);
    const disables = disabled === true && channel.disabled_at === null;
    const row = await updateChannel(tx, channel.id, {
      ...(name !== undefined && { name }),
      ...(sealed !== undefined && { sealed }),
      ...(until !== undefined && { muted_until: until }),
      ...(enables && { disabled_at: null, disabled_reason: null, untold: 0 }),
      ...(disables && { disabled_at: now, disabled_reason: `Disabled by ${describeCaller(caller)}.` }),
      updated_at: now,
    });
    if (until !== undefined) await retimeGathered(context, { channel: channel.id }, until);
    return toChannel(row);
  },

  async delete_channel({ tx, caller }, { channel_id }) {
    const { id, name } = await requireChannel(tx, changing(caller), channel_id);
    const rules = await deleteChannel(tx, id);
    return { deleted: true, id: toPublicId("chan", id), name, rules };
  },

  async test_channel(context, { channel_id }) {
    const { tx, caller, now } = context;
    const channel = await requireChannel(tx, changing(caller), channel_id);
    const id = newId(now);
    const scope_id = caller.scopeId;
    const test = { execution_id: null, job_id: null, event: null, about: {}, gathers: null };
    await insertNotifications(sessionIn(context), [
      { ...test, id, scope_id, kind: "test", channel_id: channel.id, due_at: now },
    ]);
    await tell(sessionIn(context), [{ id, scope_id, share: channelShare(scope_id, channel.id), dueAt: now }]);
    return {
      channel_id: toPublicId("chan", channel.id),
      delivery_id: toPublicId("dlv", id),
      status: "pending",
      status_code: null,
      error: null,
      answer: null,
      advice: "Is a worker running? list_deliveries shows what becomes of it.",
    };
  },
};

const lookMs = 100;

/** Waits for what comes of a test: the worker sends it once the transaction that asks for it is over. */
export const afterTest: FollowUp<"test_channel"> = async ({ db, caller, signal }, output, input) => {
  const id = fromPublicId("dlv", output.delivery_id)!;
  for (let waited = 0; waited < input.wait_seconds * 1000 && !signal?.aborted; waited += lookMs) {
    const row = await findDelivery(db, { scopeId: caller.scopeId }, id);
    if (row !== undefined && row.status !== "pending") {
      const { status, status_code, error } = toDelivery(row);
      const advice =
        status === "sent"
          ? "It was sent; add_rule says when this channel is told."
          : "Mend how the channel is reached: PATCH /v1/channels/{id}, or delete_channel and create_channel.";
      return { ...output, status, status_code, error, answer: row.answer, advice };
    }
    await sleep(lookMs);
  }
  return output;
};

type Given = Omit<ParsedInput<"create_channel">, "name" | "type">;

/** How a channel of a type is reached. Throws `invalid_input` where something is missing, or too much. */
function checked(
  { allowedTargets, caller }: WriteContext,
  type: Channel["type"],
  given: Given,
): ChannelConfig {
  const { needs, may = [] } = fieldsOf[type];
  const listed = [...needs, ...may].join(", ");
  for (const field of configFields) {
    const isGiven = given[field] !== undefined;
    if (needs.includes(field) && !isGiven) {
      throw new SchedulerError("invalid_input", `A channel of type ${type} needs "${field}".`, {
        field,
        hint: `Give ${needs.join(" and ")}${may.length > 0 ? `, and ${may.join(", ")} where wanted` : ""}.`,
      });
    }
    if (isGiven && !needs.includes(field) && !may.includes(field)) {
      throw new SchedulerError("invalid_input", `"${field}" has no meaning for a channel of type ${type}.`, {
        field,
        hint: `Leave it out; ${type} takes ${listed}.`,
      });
    }
  }
  assertTargets({ url: given.url }, allowedTargets);
  assertHost(caller, type, given);
  return Object.fromEntries(
    configFields.flatMap((field) => (given[field] === undefined ? [] : [[field, given[field]]])),
  );
}

/** Throws `bound_exceeded`: what is told goes to a host, as what a job sends does. */
function assertHost({ bounds }: Caller, type: Channel["type"], { url, email }: Given): void {
  if (!bounds?.hosts) return;
  const host =
    type === "email"
      ? email!.split("@").at(-1)!.toLowerCase()
      : new URL(url ?? "https://api.telegram.org").host;
  if (bounds.hosts.some((pattern) => hostMatches(pattern, host))) return;
  throw beyond("hosts", bounds, {
    detail: `This key may not have anybody told at ${host}`,
    field: type === "email" ? "email" : "url",
    wanted: `Give a channel of ${bounds.hosts.join(", ")}, or use one of list_channels.`,
  });
}

/** A channel's way with what is given anew in it; undefined where nothing is. */
function reconfigured(context: WriteContext, channel: ChannelRow, given: Given): Buffer | undefined {
  if (configFields.every((field) => given[field] === undefined)) return undefined;
  const { cipher } = context;
  if (!cipher) throw noKey("How a channel is reached");
  return sealConfig(
    checked(context, channel.type, { ...openOr(channel, cipher), ...given }),
    channel,
    cipher,
  );
}

/** What cannot be read any more is as good as not there. */
function openOr(channel: ChannelRow, cipher: NonNullable<WriteContext["cipher"]>): ChannelConfig {
  try {
    return openConfig(channel, cipher);
  } catch {
    return {};
  }
}

const noMail = "This process has no SMTP_URL: mails are sent by workers that have it.";

function tooMany(): SchedulerError {
  return new SchedulerError("conflict", `There are ${maxChannels} channels already.`, {
    hint: "Delete those that nobody needs: list_channels, delete_channel.",
  });
}
