import type { Migration } from "kysely/migration";
import * as foundation from "./20261121T0800-foundation.ts";
import * as hosts from "./20261121T1100-hosts.ts";
import * as listedState from "./20261121T1200-listed-state.ts";
import * as timePolicies from "./20261121T1230-time-policies.ts";
import * as autovacuum from "./20261121T1300-autovacuum.ts";
import * as queues from "./20261121T1500-queues.ts";
import * as openCircuits from "./20261121T1510-open-circuits.ts";
import * as signing from "./20261121T1520-signing.ts";
import * as deliveries from "./20261121T1521-deliveries.ts";
import * as keys from "./20261121T1530-keys.ts";
import * as deadLetters from "./20261121T1540-dead-letters.ts";
import * as endings from "./20261126T1000-endings.ts";
import * as logOut from "./20261126T1010-log-out.ts";
import * as auditOutcomes from "./20261126T1100-audit-outcomes.ts";
import * as withoutTickets from "./20261126T1200-without-tickets.ts";
import * as names from "./20261127T0000-names.ts";
import * as jobLists from "./20261127T0700-job-lists.ts";
import * as attempts from "./20261127T0710-attempts.ts";
import * as anchors from "./20261127T0720-anchors.ts";
import * as deletions from "./20261127T0730-deletions.ts";
import * as secrets from "./20261127T1600-secrets.ts";
import * as telling from "./20261127T1610-telling.ts";
import * as members from "./20261127T2300-members.ts";
import * as agents from "./20261127T2310-agents.ts";
import * as bounds from "./20261127T2320-bounds.ts";
import * as policies from "./20261127T2330-policies.ts";
import * as audit from "./20261127T2340-audit.ts";

/** Migrations that workers of the versions before do not survive: those are to be stopped first. */
export const notForOldWorkers = [
  "20261126T1200-without-tickets",
  "20261127T0000-names",
  // They would send masks and the names of secrets, and fail what is told to channels.
  "20261127T1600-secrets",
  "20261127T1610-telling",
  // They would send agents their messages without the execution.
  "20261127T2310-agents",
];

/** Every migration by its name, oldest first. Forward only: a mistake is mended by the next one. */
export const migrations: Record<string, Migration> = {
  "20261121T0800-foundation": foundation,
  "20261121T1100-hosts": hosts,
  "20261121T1200-listed-state": listedState,
  "20261121T1230-time-policies": timePolicies,
  "20261121T1300-autovacuum": autovacuum,
  "20261121T1500-queues": queues,
  "20261121T1510-open-circuits": openCircuits,
  "20261121T1520-signing": signing,
  "20261121T1521-deliveries": deliveries,
  "20261121T1530-keys": keys,
  "20261121T1540-dead-letters": deadLetters,
  "20261126T1000-endings": endings,
  "20261126T1010-log-out": logOut,
  "20261126T1100-audit-outcomes": auditOutcomes,
  "20261126T1200-without-tickets": withoutTickets,
  "20261127T0000-names": names,
  "20261127T0700-job-lists": jobLists,
  "20261127T0710-attempts": attempts,
  "20261127T0720-anchors": anchors,
  "20261127T0730-deletions": deletions,
  "20261127T1600-secrets": secrets,
  "20261127T1610-telling": telling,
  "20261127T2300-members": members,
  "20261127T2310-agents": agents,
  "20261127T2320-bounds": bounds,
  "20261127T2330-policies": policies,
  "20261127T2340-audit": audit,
};
