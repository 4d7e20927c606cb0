// The import arrows of ARCHITECTURE.md. Every arrow that is written down there is checked here.

const tests = "\\.test\\.ts$|^packages/core/src/testing/|^test/";
const core = "^packages/core/src/";
const nouns = "(agents|channels|deliveries|executions|jobs|queues|rules|secrets|workspaces)";
const nounFile = `${core}${nouns}/(agent|channel|delivery|execution|job|queue|rule|secret|workspace)\\.ts$`;
const npm = (...names) => `/node_modules/(${names.join("|")})/`;

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    // The whole house
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
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
      comment: "But for packages/app, which is what the apps share.",
      severity: "error",
      from: { path: "^packages/(?!app/)([^/]+)/", pathNot: tests },
      to: { path: "^packages/", pathNot: "^packages/($1|contract)/" },
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
        pathNot: [`${core}time/`, `${core}(errors|ids)\\.ts$`, nounFile, "^packages/contract/"],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "sql-stays-in-its-folder",
      comment:
        "Folders meet through their nouns and verbs. The engine joins several tables in one statement.",
      severity: "error",
      from: { path: `${core}([^/]+)`, pathNot: [tests, `${core}engine/`, `${core}scheduler\\.ts$`] },
      to: { path: "\\.sql\\.ts$", pathNot: `${core}$1/` },
    },
    {
      name: "kysely-in-sql-files-only",
      severity: "error",
      from: { pathNot: [tests, "\\.sql\\.ts$", `${core}database/`, `${core}queue/`] },
      to: { path: npm("kysely") },
    },
    {
      name: "queue-takes-kysely-types-only",
      severity: "error",
      from: { path: `${core}queue/`, pathNot: tests },
      to: { path: npm("kysely"), dependencyTypesNot: ["type-only"] },
    },
    {
      name: "pg-boss-in-queue-only",
      severity: "error",
      from: { pathNot: [`${core}queue/`, "^benchmarks/"] },
      to: { path: npm("pg-boss") },
    },
    {
      name: "drivers-in-database-only",
      severity: "error",
      from: { pathNot: [tests, `${core}database/`, "^benchmarks/"] },
      to: { path: npm("pg", "@electric-sql/pglite") },
    },
    {
      name: "sockets-in-attempt-and-channels-only",
      comment: "Whatever leaves the machine goes through the address guard.",
      severity: "error",
      from: {
        path: core,
        pathNot: [
          tests,
          `${core}engine/(attempt|address-guard|connector|resolver|name-files)\\.ts$`,
          `${core}channels/`,
          `${core}database/data-dir-lock\\.ts$`,
        ],
      },
      to: {
        path: `${npm("undici")}|^(node:)?(dgram|dns|http|http2|https|net|tls)(/|$)`,
        dependencyTypesNot: ["type-only"],
      },
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
