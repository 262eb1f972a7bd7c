import { runtime } from "@pulumi/pulumi";
import { expect } from "chai";
import { hasSecret, hasUnknown, sealedAs, secret, sendable, unwrap } from "../../provider/codec.ts";

const UNKNOWN = runtime.unknownValue;

describe("codec", () => {
  it("makes envelopes that the engine takes for secrets", () => {
    expect(runtime.isRpcSecret(secret("x"))).to.equal(true);
    expect(unwrap(secret("x"))).to.equal("x");
  });

  it("takes secrets out at any depth, and one out of another", () => {
    const value = { a: secret({ b: [secret("x"), 1, null] }), c: secret(secret("y")) };
    expect(unwrap(value)).to.deep.equal({ a: { b: ["x", 1, null] }, c: "y" });
  });

  it("leaves everything else as it is", () => {
    for (const value of ["", 0, false, null, undefined, [], {}, UNKNOWN])
      expect(unwrap(value)).to.deep.equal(value);
  });

  it("finds what is unknown as a whole, in a part, and in a secret", () => {
    for (const value of [UNKNOWN, [UNKNOWN], { a: { b: UNKNOWN } }, secret({ a: UNKNOWN })])
      expect(hasUnknown(value), JSON.stringify(value)).to.equal(true);
    for (const value of [null, undefined, "", `${UNKNOWN} `, { a: [1, secret("x")] }])
      expect(hasUnknown(value), JSON.stringify(value)).to.equal(false);
  });

  it("finds secrets at any depth", () => {
    for (const value of [secret("x"), { a: [secret("x")] }])
      expect(hasSecret(value)).to.equal(true);
    for (const value of [null, undefined, "x", { a: [1, null] }])
      expect(hasSecret(value)).to.equal(false);
  });

  it("seals what came sealed, once", () => {
    const received = { a: secret("x"), b: { c: secret("y") }, d: secret("z"), e: "plain" };
    expect(sealedAs(received, { a: "x", b: { c: "y" }, d: secret("z"), e: "plain", f: 1 }))
      .to //
      .deep.equal({ a: secret("x"), b: secret({ c: "y" }), d: secret("z"), e: "plain", f: 1 });
  });

  it("leaves out what breaks the connection", () => {
    const value = { a: undefined, b: { c: undefined, d: 1 }, e: [undefined, 2], f: () => 1 };
    expect(sendable(value)).to.deep.equal({ b: { d: 1 }, e: [null, 2] });
  });
});
