import { createReceiver } from "./receiver.ts";

const secrets = process.env.SIGNING_SECRETS?.split(",") ?? [];
const receiver = createReceiver(secrets, async (body) => console.log("to do:", body));
receiver.listen(8080, "127.0.0.1", () => console.log("receiving at http://127.0.0.1:8080"));
