// The import arrows of ARCHITECTURE.md. Every arrow that is written down there is checked here.

const tests = "\\.test\\.ts$|^packages/core/src/testing/|^test/";
const core = "^packages/core/src/";
const nounFile = `${core}(channels/channel|deliveries/delivery|executions/execution|jobs/job|queues/queue|rules/rule)\\.ts$`;
/** From the top to the ground: a room knows those below it. */
const rooms = [
  "engine",
  "audit",
  "jobs",
  "deliveries",
  "executions",
  "rules",
  "channels",
  "slo",
  "queues",
  "sending",
  "secrets",
  "signing",
  "agents",
  "tokens",
  "workspaces",
  "access",
  "encryption",
  "database",
  "time",
];
const handlers = `${core}([^/]+/operations|executions/dead-letters|access/login|agents/schedules|jobs/explain)\\.ts$`;
const npm = (...names) => `/node_modules/(${names.join("|")})/`;

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    // The whole house
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-unresolved",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "listed-dependencies-only",
      comment:
        "What a package's code imports stands in that package's own dependencies; tests may use the root's.",
      severity: "error",
      from: { path: "^(packages|apps)/", pathNot: tests },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "apps-are-leaves",
      comment: "Nothing imports an app.",
      severity: "error",
      from: { path: "^(packages|apps/[^/]+|test|benchmarks|examples)/" },
      to: { path: "^apps/", pathNot: "^$1/" },
    },
    {
      name: "packages-know-the-contract-only",
      comment:
        "But for packages/app, which is what the apps share, and the faces, which share packages/http.",
      severity: "error",
      from: { path: "^packages/(?!app/|rest/|mcp/)([^/]+)/", pathNot: tests },
      to: { path: "^packages/", pathNot: "^packages/($1|contract)/" },
    },
    {
      name: "faces-know-the-contract-and-http",
      severity: "error",
      from: { path: "^packages/(rest|mcp)/", pathNot: tests },
      to: { path: "^packages/", pathNot: "^packages/($1|contract|http)/" },
    },
    {
      name: "app-knows-no-face",
      comment: "A worker answers /readyz without loading REST.",
      severity: "error",
      from: { path: "^packages/app/", pathNot: tests },
      to: { path: "^packages/(rest|mcp|client)/" },
    },
    {
      name: "contract-needs-zod-only",
      severity: "error",
      from: { path: "^packages/contract/", pathNot: tests },
      to: { pathNot: ["^packages/contract/", npm("zod")] },
    },
    {
      name: "front-doors-only",
      comment: "A package is entered through what its package.json exports.",
      severity: "error",
      from: { path: "^(packages/[^/]+|apps|test|benchmarks|examples)/" },
      to: {
        path: "^packages/",
        pathNot: ["^$1/", "^packages/[^/]+/src/index\\.ts$", `${core}testing/index\\.ts$`],
      },
    },
    {
      name: "testing-is-for-tests",
      severity: "error",
      from: { path: "^(packages|apps)/", pathNot: tests },
      to: { path: `${core}testing/` },
    },

    // Inside core
    {
      name: "time-is-pure",
      severity: "error",
      from: { path: `${core}time/`, pathNot: tests },
      to: {
        pathNot: [`${core}time/`, "^packages/contract/", npm("cron-parser", "cronstrue")],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "rules-are-pure",
      comment:
        "A noun's own file (jobs/job.ts, …) holds its states and rules: it reaches no database, no clock, no network.",
      severity: "error",
      from: { path: nounFile },
      to: {
        pathNot: [
          `${core}secrets/sensitive\\.ts$`,
          `${core}time/`,
          `${core}(errors|ids)\\.ts$`,
          nounFile,
          "^packages/contract/",
        ],
        dependencyTypesNot: ["type-only"],
      },
    },
    ...rooms.slice(1).map((room, index) => ({
      name: `arrows-run-down-from-${room}`,
      comment: "The handlers of operations stand above all rooms: what is asked may need several of them.",
      severity: "error",
      from: { path: `${core}${room}/`, pathNot: [tests, handlers] },
      to: { path: `${core}(${rooms.slice(0, index + 1).join("|")})/` },
    })),
    {
      name: "handlers-are-for-operations",
      severity: "error",
      from: { path: core, pathNot: [tests, handlers, `${core}operations/handlers\\.ts$`] },
      to: { path: handlers },
    },
    {
      name: "operations-are-for-the-root-and-handlers",
      comment: "But for what handlers are given: a context, pages, and so on.",
      severity: "error",
      from: { path: `${core}[^/]+/`, pathNot: [tests, `${core}operations/`] },
      to: { path: `${core}operations/(execute|handlers|once|audit|answers)` },
    },
    {
      name: "kysely-in-sql-files-only",
      severity: "error",
      from: { pathNot: [tests, "\\.sql\\.ts$", `${core}database/`, "^benchmarks/"] },
      to: { path: npm("kysely") },
    },
    {
      name: "pg-boss-in-one-file",
      severity: "error",
      from: { pathNot: [`${core}deliveries/queue\\.ts$`, "^benchmarks/"] },
      to: { path: npm("pg-boss") },
    },
    {
      name: "drivers-in-database-only",
      severity: "error",
      from: { pathNot: [tests, `${core}database/`, "^benchmarks/"] },
      to: { path: npm("pg", "@electric-sql/pglite") },
    },
    {
      name: "sockets-in-sending-only",
      comment: "Whatever leaves the machine goes through the address guard.",
      severity: "error",
      from: {
        path: core,
        pathNot: [tests, `${core}sending/`, `${core}database/data-dir-lock\\.ts$`],
      },
      to: {
        path: `${npm("undici")}|^(node:)?(dgram|dns|http|http2|https|net|tls)(/|$)`,
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "mail-in-one-file",
      severity: "error",
      from: { pathNot: [`${core}deliveries/mail\\.ts$`] },
      to: { path: npm("nodemailer") },
    },
    {
      name: "environment-in-config-only",
      comment:
        'The linter watches process.env; this keeps `import { env } from "node:process"` from going round it.',
      severity: "error",
      from: { path: "^(packages|apps)/", pathNot: [tests, `${core}config\\.ts$`] },
      to: { path: "^(node:)?process$" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(packages|apps)/[^/]+/dist/" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
    },
  },
};
