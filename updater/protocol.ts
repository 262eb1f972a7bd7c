/**
 * What is said between the operator's side and the updater on the server. Both are built from this
 * folder, but a server may still run a job of an older build: a change that such a build would
 * misread raises {@link PROTOCOL}.
 */
export * from "./protocol/requests.ts";
export * from "./protocol/database.ts";
export * from "./protocol/hooks.ts";
export * from "./protocol/records.ts";
export * from "./protocol/answers.ts";
export * from "./protocol/resolve.ts";
export * from "./protocol/state.ts";
