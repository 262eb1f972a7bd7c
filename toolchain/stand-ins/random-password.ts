import { randomInt } from "node:crypto";
import { bcryptHash } from "./bcrypt.ts";
import type { Failure, ResourceType } from "./resource-type.ts";
import { hasUnknown, type Properties } from "./values.ts";

const lowerCase = "abcdefghijklmnopqrstuvwxyz";
const upperCase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const digits = "0123456789";
const defaultSpecial = "!@#$%&*()-_=+[]{}<>:?";

/** What a password is made of; the names are the resource's. */
export interface PasswordRules {
  length: number;
  lower: boolean;
  upper: boolean;
  numeric: boolean;
  special: boolean;
  minLower: number;
  minUpper: number;
  minNumeric: number;
  minSpecial: number;
  /** The special characters to choose from. */
  overrideSpecial: string;
}

const inputs = [
  "keepers",
  "length",
  "lower",
  "minLower",
  "minNumeric",
  "minSpecial",
  "minUpper",
  "number",
  "numeric",
  "overrideSpecial",
  "special",
  "upper",
] as const;

/** `random:index/randomPassword:RandomPassword`: a random text that stays until an input changes. */
export const randomPassword: ResourceType = {
  inputs,
  replacedBy: inputs,
  check: checkInputs,
  wanted: withDefaults,

  async create(_urn, { values }) {
    const outputs = withDefaults(values);
    const result = generatePassword(rulesOf(outputs));
    return {
      // The real plugin's: an id is never secret, so nothing of the value may be in it.
      id: "none",
      outputs: { ...outputs, result, bcryptHash: bcryptHash(result) },
      secrets: ["result", "bcryptHash"],
    };
  },
};

function withDefaults(values: Properties): Properties {
  // "number" is the former name of "numeric"; the outputs have both.
  const numeric = values.numeric ?? values.number ?? true;
  return {
    lower: true,
    upper: true,
    special: true,
    minLower: 0,
    minUpper: 0,
    minNumeric: 0,
    minSpecial: 0,
    ...values,
    numeric,
    number: numeric,
  };
}

function rulesOf(values: Properties): PasswordRules {
  const complete = { overrideSpecial: defaultSpecial, ...withDefaults(values) };
  return complete as unknown as PasswordRules;
}

function checkInputs(values: Properties): Failure[] {
  if (typeof values.length !== "number" && !hasUnknown(values.length)) {
    return [
      { property: "length", reason: `"length" must be a number, and is ${String(values.length)}` },
    ];
  }
  // The keepers alone have no part in what the password looks like.
  if (hasUnknown({ ...values, keepers: undefined })) return [];
  const refusal = refuseRules(rulesOf(values));
  return refusal === undefined ? [] : [{ property: "length", reason: refusal }];
}

/** Why no password can follow the rules, or undefined when one can. */
export function refuseRules(rules: PasswordRules): string | undefined {
  const { length } = rules;
  if (!Number.isInteger(length) || length < 1) {
    return `"length" must be a whole number of at least 1, and is ${length}`;
  }
  const least = rules.minLower + rules.minUpper + rules.minNumeric + rules.minSpecial;
  if (least > length) {
    return `"length" is ${length}, and the minimums together ask for ${least} characters`;
  }
  if (allCharacters(rules) === "") {
    return 'no characters are left: set one of "lower", "upper", "numeric" and "special"';
  }
  return undefined;
}

/**
 * Makes a password in which every place has every allowed character with the same chance, but for
 * the characters that the minimums ask for, which are at random places.
 */
export function generatePassword(rules: PasswordRules): string {
  const characters = [
    ...choose(lowerCase, rules.minLower),
    ...choose(upperCase, rules.minUpper),
    ...choose(digits, rules.minNumeric),
    ...choose(rules.overrideSpecial, rules.minSpecial),
  ];
  characters.push(...choose(allCharacters(rules), rules.length - characters.length));
  return shuffled(characters).join("");
}

function allCharacters(rules: PasswordRules): string {
  return (
    (rules.lower ? lowerCase : "") +
    (rules.upper ? upperCase : "") +
    (rules.numeric ? digits : "") +
    (rules.special ? rules.overrideSpecial : "")
  );
}

/** `randomInt` throws away what would make some numbers more likely; a remainder would not. */
function choose(alphabet: string, count: number): string[] {
  return Array.from({ length: count }, () => alphabet.charAt(randomInt(alphabet.length)));
}

/** Fisher and Yates' shuffle: every order has the same chance. */
function shuffled(characters: string[]): string[] {
  const result = [...characters];
  for (let last = result.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    const moved = result[last] as string;
    result[last] = result[other] as string;
    result[other] = moved;
  }
  return result;
}
