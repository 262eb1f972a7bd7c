import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { expect } from "chai";
import { deriveKeys } from "../../components/secrets.ts";
import { ROOT } from "./support/program.ts";

describe("deriveKeys", () => {
  const keys = deriveKeys(ROOT);

  /**
   * Computed by another implementation of HKDF. Values that change here are keys that change on
   * every server that is deployed anew from an old state.
   */
  it("derives from one root the same keys for ever", () => {
    expect(keys.totpEncryptionKey).to.equal(
      "cfc0719684f99d0d7d86d9d8c6d0865fc2d5f943fae428d5c858156c65de7b69",
    );
    const der = createPrivateKey(keys.jwtPrivateKey).export({ format: "der", type: "pkcs8" });
    expect(der.subarray(-32).toString("hex")).to.equal(
      "3388ded130238eea9a972a1b7029cc476187195d60075457b64acdf8dd13f7ee",
    );
  });

  it("makes a pair of Ed25519 keys that fit each other, in the forms that the server reads", () => {
    const message = Buffer.from("a token");
    const signature = sign(null, message, keys.jwtPrivateKey);
    expect(verify(null, message, keys.jwtPublicKey, signature)).to.equal(true);
    expect(verify(null, Buffer.from("another"), keys.jwtPublicKey, signature)).to.equal(false);
    expect(createPublicKey(keys.jwtPublicKey).asymmetricKeyType).to.equal("ed25519");
    expect(keys.jwtPrivateKey).to.match(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(keys.jwtPublicKey).to.match(/^-----BEGIN PUBLIC KEY-----\n/);
    expect(keys.totpEncryptionKey).to.match(/^[0-9a-f]{64}$/);
  });

  it("gives another root other keys, and no key the value of another", () => {
    const others = deriveKeys(`${ROOT.slice(0, -1)}c`);
    for (const name of ["totpEncryptionKey", "jwtPrivateKey", "jwtPublicKey"] as const)
      expect(others[name]).not.to.equal(keys[name]);
    const der = createPrivateKey(keys.jwtPrivateKey).export({ format: "der", type: "pkcs8" });
    expect(der.toString("hex")).not.to.include(keys.totpEncryptionKey);
  });
});
