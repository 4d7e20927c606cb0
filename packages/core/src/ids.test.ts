import { randomUUID } from "node:crypto";
import { TypeID } from "typeid-js";
import { MAX, NIL } from "uuid";
import { expect, test } from "vitest";
import { firstIdAt, fromPublicId, newId, slotId, toPublicId } from "./ids.ts";

const at = new Date("2026-03-01T12:00:00.123Z");

test("an id goes to the caller and back, under its own prefix only", () => {
  const id = newId(at);
  const shown = toPublicId("job", id);
  expect(shown).toMatch(/^job_[0-9a-hjkmnp-tv-z]{26}$/);
  expect(fromPublicId("job", shown)).toBe(id);
  expect(fromPublicId("exec", shown)).toBeUndefined();
});

test("an id is shown as TypeID has it", () => {
  for (let round = 0; round < 1000; round++) {
    const uuid = randomUUID();
    expect(toPublicId("exec", uuid)).toBe(TypeID.fromUUID("exec", uuid).toString());
  }
  for (const uuid of [NIL, MAX])
    expect(toPublicId("job", uuid)).toBe(TypeID.fromUUID("job", uuid).toString());
});

test.each([
  "",
  "job_",
  "job",
  "7",
  "job_01h455vb4pex5vsknk084sn02",
  "job_81h455vb4pex5vsknk084sn02q",
  "JOB_01h455vb4pex5vsknk084sn02q",
  "job_01H455VB4PEX5VSKNK084SN02Q",
  "job_01h455vb4pex5vsknk084sn02q ",
  "x'; drop table jobs",
])("%j is no id of a job", (text) => expect(fromPublicId("job", text)).toBeUndefined());

test("ids sort by the time they were made at, in either form", () => {
  const times = [0, 1, at.getTime(), at.getTime() + 1, Date.UTC(9999, 11, 31)];
  const ids = times.map((time) => newId(new Date(time)));
  expect(ids.toSorted()).toEqual(ids);
  const shown = ids.map((id) => toPublicId("exec", id));
  expect(shown.toSorted()).toEqual(shown);
});

test("the first id of an instant is not above any made at it, and above all made before", () => {
  const first = firstIdAt(at);
  for (let round = 0; round < 100; round++) {
    expect(newId(at) >= first).toBe(true);
    expect(newId(new Date(at.getTime() - 1)) < first).toBe(true);
  }
  expect(firstIdAt(new Date(0)) > "00000000-0000").toBe(true);
});

test("a slot has one id, found in the time it is for", () => {
  const job = newId(new Date("2020-01-01T00:00:00Z"));
  const id = slotId(job, at);
  expect(slotId(job, new Date(at))).toBe(id);
  expect(id >= firstIdAt(at) && id < firstIdAt(new Date(at.getTime() + 1))).toBe(true);
  expect(slotId(job, new Date(at.getTime() + 1))).not.toBe(id);
  expect(slotId(newId(at), at)).not.toBe(id);
  expect(fromPublicId("exec", toPublicId("exec", id))).toBe(id);
});
