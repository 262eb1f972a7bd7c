import * as pulumi from "@pulumi/pulumi";

/**
 * Leaves the engine's answers out of Pulumi's debug log. Its SDK writes them there as they are
 * (measured with 3.248), generated passwords in plain, so that nobody could show an output of
 * `pulumi up --debug` to anybody.
 */
export function keepSecretsOutOfDebugLog(): void {
  // The SDK's own modules call it by this object, too.
  const log = pulumi.log as { debug: typeof pulumi.log.debug };
  const { debug } = log;
  log.debug = (message, ...rest) =>
    debug(message.replace(/, resp: .+$/s, ", resp: (left out: may hold secrets)"), ...rest);
}
