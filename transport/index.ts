import type { ServerAddress } from "./address.ts";
import { localTransport } from "./local.ts";
import { openSshTransport } from "./openssh.ts";
import type { Transport } from "./transport.ts";

export {
  describeAddress,
  oneSourceOfHostKeys,
  serverAddressSchema,
  serverAddressShape,
  type ServerAddress,
  type ServerAddressInput,
} from "./address.ts";
export { fingerprint, parseHostKey } from "./host-key.ts";
export { localTransport } from "./local.ts";
export { openSshTransport } from "./openssh.ts";
export { readConfiguredHost, readShownKey, type ShownKey } from "./shown-key.ts";
export { ConnectionError } from "./ssh-diagnosis.ts";
export { type Clock, retryWhileConnectionLost, type RetryOptions } from "./retry.ts";
export {
  TransportError,
  type RunOptions,
  type RunResult,
  type Transport,
  type TransportFailure,
} from "./transport.ts";
export { uploadFile, type Upload, type UploadResult } from "./upload.ts";

/**
 * The way to a server. Nothing is connected until the first command runs.
 *
 * @param server this machine where undefined
 */
export function openTransport(server: ServerAddress | undefined): Transport {
  return server === undefined ? localTransport() : openSshTransport(server);
}
