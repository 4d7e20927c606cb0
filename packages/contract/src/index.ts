export type { Access } from "./access.ts";
export * from "./errors.ts";
export { exampleInstant, exampleLocal } from "./examples.ts";
export * from "./exact-json.ts";
export { isTooDeep, maxDepth } from "./flaw.ts";
export * from "./input.ts";
export { networkOf } from "./network.ts";
export * from "./operation.ts";
export * from "./operations/index.ts";
export * from "./port.ts";
export * from "./risk.ts";
export type { Approval, ApprovalStatus } from "./schemas/approval.ts";
export type { Agent } from "./schemas/agent.ts";
export type { Bounds } from "./schemas/bounds.ts";
export { usualLifetimeDays } from "./schemas/bounds.ts";
export type { Role, User, Workspace } from "./schemas/user.ts";
export { roles } from "./schemas/user.ts";
export type { Channel, ChannelType } from "./schemas/channel.ts";
export { channelTypes } from "./schemas/channel.ts";
export type { Delivery, DeliveryKind, DeliveryStatus } from "./schemas/delivery.ts";
export type {
  Attempt,
  AttemptErrorCode,
  AttemptStatus,
  Execution,
  ExecutionStatus,
  ExecutionWithAttempts,
  Trigger,
} from "./schemas/execution.ts";
export type { CatchUp, Job, JobKind, JobState, Overlap } from "./schemas/job.ts";
export { usualJob } from "./schemas/job.ts";
export { mostCounted } from "./schemas/common.ts";
export type { Queue } from "./schemas/queue.ts";
export type { Assertion, RetryInput, RetryPolicy, Statuses } from "./schemas/request.ts";
export type { Rule, RuleEvent } from "./schemas/rule.ts";
export { ruleEvents } from "./schemas/rule.ts";
export type { Secret } from "./schemas/secret.ts";
export { aliases, didYouMean, plainName } from "./suggest.ts";
export { maxBodyBytes } from "./schemas/request.ts";
export type { Mode, Token, TokenKind } from "./schemas/token.ts";
