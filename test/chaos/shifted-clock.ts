/** Loaded before an app with `node --import`: its clock is CLOCK_SHIFT_MS off from then on. */
const shiftMs = Number(process.env["CLOCK_SHIFT_MS"]);
const read = Date.now;
const now = (): number => read() + shiftMs;

globalThis.Date = new Proxy(Date, {
  construct: (target, given: unknown[], newTarget): object =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as object,
  apply: () => new Date(now()).toString(),
  get: (target, name, receiver): unknown => (name === "now" ? now : Reflect.get(target, name, receiver)),
});
