/** Where people are: half hours, whole hours, with and without daylight saving, both hemispheres. */
export const zones = [
  "UTC",
  "America/New_York",
  "America/Chicago",
  "America/Denver",
  "America/Los_Angeles",
  "America/Sao_Paulo",
  "America/Santiago",
  "America/St_Johns",
  "Europe/London",
  "Europe/Berlin",
  "Europe/Kyiv",
  "Africa/Cairo",
  "Africa/Lagos",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Asia/Shanghai",
  "Asia/Tokyo",
  "Australia/Sydney",
  "Australia/Lord_Howe",
  "Pacific/Auckland",
];

/** The `index`th of many different crons, none of which fires within the month after `now` nor in it. */
export function farCron(index: number, now: Date): string {
  const month = ((now.getUTCMonth() + 2 + (index % 9)) % 12) + 1;
  return `${index % 60} ${index % 24} ${(index % 28) + 1} ${month} *`;
}

/** The `index`th of many different crons as people write them: mostly daily and weekly, some every few minutes. */
export function mixedCron(index: number): string {
  const minute = index % 60;
  const hour = index % 24;
  switch (index % 8) {
    case 0:
      return `*/${(index % 29) + 1} * * * *`;
    case 1:
      return `${minute} * * * *`;
    case 2:
      return `${minute} ${hour} * * *`;
    case 3:
      return `${minute} ${hour} * * 1-5`;
    case 4:
      return `${minute} ${hour} * * ${index % 7}`;
    case 5:
      return `${minute} ${hour} ${(index % 28) + 1} * *`;
    case 6:
      return `${minute} */${(index % 5) + 2} * * *`;
    default:
      return `${minute} ${hour} 1 */3 *`;
  }
}
