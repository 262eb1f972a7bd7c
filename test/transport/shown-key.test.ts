import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { ConnectionError, readShownKey, serverAddressSchema } from "../../transport/index.ts";
import { CLOSED_PORT } from "./sshd.ts";
import { OTHER_KEY, Workbench } from "./workbench.ts";

describe("the key that a server shows", function () {
  this.timeout(120_000);
  const workbench = Workbench.forEachTest();

  /** The server's address with a known_hosts file of these lines and no key of its own. */
  const addressKnowing = (lines: string[], port = workbench.server.port) => {
    const knownHostsFile = join(workbench.server.directory, "known_hosts");
    writeFileSync(knownHostsFile, lines.map((line) => `${line}\n`).join(""));
    return serverAddressSchema.parse({ host: "127.0.0.1", user: "root", port, knownHostsFile });
  };
  const name = (): string => `[127.0.0.1]:${workbench.server.port}`;
  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.catch((error: unknown) => error);

  it("is its Ed25519 key where nothing is known of it, and nobody logs in", async () => {
    const shown = await readShownKey(addressKnowing([]));
    const { server } = workbench;
    expect(shown).to.deep.equal({ hostKey: server.hostKeys.ed25519, known: "none" });
    expect(server.log()).not.to.match(/Accepted|session opened/);
  });

  it("is the one of known_hosts where that has it, of another type too", async () => {
    const { ecdsa } = workbench.server.hostKeys;
    const shown = await readShownKey(addressKnowing([`${name()} ${ecdsa} a comment`]));
    expect(shown).to.deep.equal({ hostKey: ecdsa, known: "same" });
  });

  it("is found under a hashed name", async () => {
    const { ed25519 } = workbench.server.hostKeys;
    const address = addressKnowing([`${name()} ${ed25519}`]);
    await execa("ssh-keygen", ["-H", "-f", address.knownHostsFile ?? ""]);
    expect((await readShownKey(address)).known).to.equal("same");
  });

  it("is told from another key that known_hosts has, and from that of another server", async () => {
    const { ed25519 } = workbench.server.hostKeys;
    const other = addressKnowing([`${name()} ${OTHER_KEY}`]);
    expect(await readShownKey(other)).to.deep.equal({ hostKey: ed25519, known: "other" });
    const elsewhere = addressKnowing([`elsewhere ${ed25519}`]);
    expect((await readShownKey(elsewhere)).known).to.equal("none");
  });

  it("is refused where known_hosts has it as revoked", async () => {
    const { ed25519 } = workbench.server.hostKeys;
    const error = await failureOf(readShownKey(addressKnowing([`@revoked ${name()} ${ed25519}`])));
    expect(error).to.be.instanceOf(ConnectionError).with.property("failure", "host-key");
  });

  it("is added to no file", async () => {
    const address = addressKnowing([]);
    await readShownKey(address);
    const { stdout } = await execa("wc", ["-c", address.knownHostsFile ?? ""]);
    expect(stdout).to.match(/^0 /);
  });

  it("is missing where nobody answers, with the cause", async () => {
    const error = await failureOf(readShownKey(addressKnowing([], CLOSED_PORT)));
    expect(error).to.be.instanceOf(ConnectionError).with.property("failure", "unreachable");
    expect((error as Error).message).to.contain("Connection refused");
  });
});
