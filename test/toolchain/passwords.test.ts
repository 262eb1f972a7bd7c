import { expect } from "chai";
import { bcryptHash } from "../../toolchain/stand-ins/bcrypt.ts";
import {
  generatePassword,
  refuseRules,
  type PasswordRules,
} from "../../toolchain/stand-ins/random-password.ts";

const letters: PasswordRules = {
  length: 32,
  lower: true,
  upper: true,
  numeric: true,
  special: false,
  minLower: 0,
  minUpper: 0,
  minNumeric: 0,
  minSpecial: 0,
  overrideSpecial: "!@#$%&*()-_=+[]{}<>:?",
};

describe("a generated password", () => {
  it("has exactly the length that was asked for", () => {
    for (const length of [1, 2, 31, 64, 500]) {
      expect(generatePassword({ ...letters, length })).to.have.lengthOf(length);
    }
  });

  it("has letters and digits alone when special characters are off", () => {
    expect(generatePassword({ ...letters, length: 5000 })).to.match(/^[a-zA-Z0-9]+$/);
  });

  it("takes its special characters from those that were named", () => {
    const onlySpecial = { ...letters, lower: false, upper: false, numeric: false, special: true };
    const password = generatePassword({ ...onlySpecial, overrideSpecial: "_-" });
    expect(password).to.match(/^[_-]{32}$/);
  });

  it("has at least the minimums, even when they take the whole length", () => {
    const minimums = { minLower: 1, minUpper: 2, minNumeric: 3, minSpecial: 4, length: 10 };
    const password = generatePassword({ ...letters, ...minimums, special: true });
    expect(password.match(/[a-z]/g)).to.have.lengthOf(1);
    expect(password.match(/[A-Z]/g)).to.have.lengthOf(2);
    expect(password.match(/[0-9]/g)).to.have.lengthOf(3);
    expect(password.match(/[^a-zA-Z0-9]/g)).to.have.lengthOf(4);
  });

  it("puts the characters of a minimum at any place", () => {
    const rules = { ...letters, upper: false, numeric: false, minNumeric: 1, length: 4 };
    const places = new Set<number>();
    for (let time = 0; time < 400; time++) places.add(generatePassword(rules).search(/[0-9]/));
    expect([...places].sort()).to.deep.equal([0, 1, 2, 3]);
  });

  it("has every character equally often", () => {
    const length = 62_000;
    const counts = new Map<string, number>();
    for (const character of generatePassword({ ...letters, length })) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(counts.size).to.equal(62);
    const expected = length / 62;
    let chiSquare = 0;
    for (const count of counts.values()) chiSquare += (count - expected) ** 2 / expected;
    // 61 degrees of freedom: above 140 about once in ten million runs.
    expect(chiSquare).to.be.below(140);
  });

  it("is another one each time", () => {
    const passwords = new Set(Array.from({ length: 100 }, () => generatePassword(letters)));
    expect(passwords.size).to.equal(100);
  });
});

describe("the rules of a password", () => {
  it("are refused when the minimums don't fit into the length", () => {
    const refusal = refuseRules({ ...letters, length: 3, minLower: 2, minUpper: 2 });
    expect(refusal).to.equal('"length" is 3, and the minimums together ask for 4 characters');
  });

  it("are refused when no characters are left", () => {
    const refusal = refuseRules({ ...letters, lower: false, upper: false, numeric: false });
    expect(refusal).to.contain("no characters are left");
  });

  it("are refused for a length that is no whole number above zero", () => {
    expect(refuseRules({ ...letters, length: 0 })).to.contain("is 0");
    expect(refuseRules({ ...letters, length: 1.5 })).to.contain("is 1.5");
  });
});

describe("bcryptHash", () => {
  const salt = Buffer.from("0123456789abcdef");

  it("gives what the C library's crypt gives", () => {
    expect(bcryptHash("correct horse", 10, salt)).to.equal(
      "$2a$10$KBCwKxOzLha2MUDgW0PjXe3YWzG9nt08N08NKofFFY/Mxyb/oaUy2",
    );
  });

  it("looks at the first 72 bytes of a password", () => {
    expect(bcryptHash("x".repeat(80), 4, salt)).to.equal(
      "$2a$04$KBCwKxOzLha2MUDgW0PjXe2EbuGeU17K17Rx1Pb2UnKJd/.iteNSW",
    );
    expect(bcryptHash("x".repeat(72), 4, salt)).to.equal(bcryptHash("x".repeat(80), 4, salt));
  });
});
