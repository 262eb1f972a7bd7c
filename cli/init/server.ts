/** The server: asked for, its key confirmed, logged in. */
import { UserError } from "../../common/errors.ts";
import {
  ConnectionError,
  describeAddress,
  openTransport,
  readConfiguredHost,
  type ServerAddress,
  TransportError,
} from "../../transport/index.ts";
import { userInfo } from "node:os";
import { callRunner } from "../../provider/server/runner-access.ts";
import { confirmedHostKey, givenHostKey } from "./host-key.ts";
import type { Interview } from "./interview.ts";
import { identityQuestion, serverQuestion, type TypedServer } from "./questions.ts";
import { readSetting } from "./setting.ts";

const LOGIN_TIMEOUT = 45_000;

/**
 * Asks until there is a server that lets us in with the rights that a deployment needs.
 *
 * @returns null: this machine
 */
export async function askServer(interview: Interview): Promise<ServerAddress | null> {
  const { flags } = interview;
  for (;;) {
    const typed = flags.thisMachine === true ? null : await interview.answer(serverQuestion);
    try {
      if (typed === null) {
        if (flags.check) await logIn(interview, null);
        return null;
      }
      return await reach(interview, typed);
    } catch (error) {
      if (!(error instanceof ConnectionError || error instanceof TransportError)) throw error;
      // What was given as the server's key is not what it has: nothing that is typed changes that.
      if (error.failure === "host-key" && flags.hostKey !== undefined)
        throw new UserError(`${error.message}.\nNothing was written.`, { cause: error });
      const where = error instanceof ConnectionError && typed !== null ? `${typed.host}: ` : "";
      interview.failed(`That server can't be used: ${where}${error.message}.`, "server");
      // Asked again for a server, since this machine can't be reached in another way.
      if (flags.thisMachine === true) throw new UserError("Nothing was written.");
    }
  }
}

async function reach(interview: Interview, typed: TypedServer): Promise<ServerAddress> {
  const { flags } = interview;
  const address = await addressOf(interview, typed);
  if (!flags.check) return { ...address, hostKey: givenHostKey(interview) };
  interview.say(`Connecting to ${describeAddress(address)} ...`);
  const hostKey = await confirmedHostKey(interview, address);
  return await logInWithSomeKey(interview, { ...address, hostKey });
}

/** The address with what flags and ssh_config add to what was typed. */
async function addressOf(interview: Interview, typed: TypedServer): Promise<ServerAddress> {
  const { identityFile, jumpHost, throughRunner } = interview.flags;
  const server = {
    ...typed,
    ...(identityFile === undefined ? {} : { identityFile }),
    ...(jumpHost === undefined ? {} : { jumpHost }),
    ...(throughRunner === true ? { access: "runner" } : {}),
  };
  const address = readSetting({ server }).server;
  if (address === null) throw new Error("a server with a host is no server");
  if (typed.user !== undefined) return address;
  const { user } = await readConfiguredHost(address);
  // Without a setting, ssh names the user of this machine, who is nobody on the server.
  const isConfigured = user !== "" && user !== userInfo().username;
  return isConfigured ? { ...address, user } : address;
}

/** Where every key was refused, another one may be named. */
async function logInWithSomeKey(
  interview: Interview,
  address: ServerAddress,
): Promise<ServerAddress> {
  for (let current = address; ;) {
    try {
      await logIn(interview, current);
      return current;
    } catch (error) {
      const isRefused = error instanceof TransportError && error.failure === "authentication";
      if (!isRefused || !interview.isInteractive) throw error;
      interview.failed(`${error.message}.`, "identityFile");
      const identityFile = await interview.answer(identityQuestion);
      const { identityFile: _refused, ...others } = address;
      current = identityFile === "" ? others : { ...others, identityFile };
    }
  }
}

/** Logs in and tries sudo, where it will be needed. */
async function logIn(interview: Interview, address: ServerAddress | null): Promise<void> {
  const transport = openTransport(address ?? undefined);
  try {
    const isRunner = address?.access === "runner";
    const options = { timeout: LOGIN_TIMEOUT };
    if (isRunner)
      await callRunner(transport, { server: address }, "log in", { verb: "hello" }, options);
    else await transport.run("log in", ["true"], options);
    const how =
      address === null || address.user === "root"
        ? ""
        : `, with ${isRunner ? "the runner" : "sudo"}`;
    interview.say(
      address === null ? "This machine: ok." : `Logged in as ${address.user}${how}: ok.`,
    );
  } finally {
    await transport.close();
  }
}
