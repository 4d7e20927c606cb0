export { createClient } from "./client.ts";
export type { Client, ClientOptions } from "./client.ts";
export { SignatureError, verifySignature } from "./verify-signature.ts";
export type {
  ReceivedRequest,
  SignatureProblem,
  VerifiedDelivery,
  VerifyOptions,
} from "./verify-signature.ts";
