/**
 * The tools of other systems that policies may name, with the arguments that each requires, as their documents have them;
 * for Trigger.dev, the schema of its MCP server 4.8.3. Those of TrigRun have the names of our own operations.
 */
export const dialectTools: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  trigger: {
    cancel_run: ["runId"],
    list_runs: [],
    get_run_details: ["runId"],
    wait_for_run_to_complete: ["runId"],
    trigger_task: ["taskId"],
    replay_run: ["runId"],
  },
  recuro: {
    "list-crons": [],
    "create-cron": ["name", "url", "cron_expression"],
    "get-cron": ["id"],
    "update-cron": ["id"],
    "delete-cron": ["id"],
    "list-jobs": [],
    "create-job": ["queue", "url"],
    "get-job": ["id"],
    "delete-job": ["id"],
  },
  trinity: {
    list_agent_schedules: ["agent_name"],
    create_agent_schedule: ["agent_name", "name", "cron_expression", "message"],
    get_agent_schedule: ["agent_name", "schedule_id"],
    update_agent_schedule: ["agent_name", "schedule_id"],
    delete_agent_schedule: ["agent_name", "schedule_id"],
    toggle_agent_schedule: ["agent_name", "schedule_id", "enabled"],
    trigger_agent_schedule: ["agent_name", "schedule_id"],
    get_schedule_executions: ["agent_name"],
  },
  schedstack: {
    preview_schedule: ["when"],
    create_schedule: ["endpoint", "when"],
    get_schedule: ["id"],
    list_schedules: [],
    pause_schedule: ["id"],
    resume_schedule: ["id"],
    cancel_schedule: ["id"],
    list_deliveries: [],
    get_delivery: ["id"],
    replay_delivery: ["id"],
  },
};
