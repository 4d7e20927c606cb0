export { qualityOf } from "./accept.ts";
export { readJson, type JsonOptions } from "./body.ts";
export { checkHost, loopbackHosts } from "./hosts.ts";
export { createLimiter, type Limiter, type RateLimits, usualLimits } from "./limits.ts";
export { asksForOAuth, createListener, type Face, type ListenerOptions, noRoute } from "./listener.ts";
export { admitOrigin, answerPreflight } from "./origins.ts";
export { answerProblem, type ErrorLog, type ProblemOptions } from "./problem.ts";
export { refuseConnection, refuseExpectation, withSoundHeaders } from "./refusals.ts";
export { bearerToken, closingOf, requestIdOf, setAnswerHeaders, urlOf } from "./request.ts";
