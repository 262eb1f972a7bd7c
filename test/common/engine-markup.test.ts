import { expect } from "chai";
import { highlighted, shownValue, withoutMarkup } from "../../common/engine-markup.ts";

/** What ends the engine where it comes to be shown. */
const DEADLY = "<{%bogus%}>";

describe("the engine's markup", () => {
  it("is not in a text that others wrote", () => {
    expect(withoutMarkup(`a ${DEADLY} b`)).to.equal("a <{ %bogus%}> b");
    expect(withoutMarkup("<<{%{%bogus%}>")).not.to.contain("<{%");
    expect(withoutMarkup("100 % {sure} <b>")).to.equal("100 % {sure} <b>");
  });

  it("is in no part of a value", () => {
    const value = { plan: { commits: [DEADLY], [DEADLY]: 1, none: null }, ahead: 2 };
    expect(JSON.stringify(shownValue(value))).not.to.contain("<{%");
    expect(shownValue({ ahead: 2, none: null, is: true })).to.deep.equal({
      ...{ ahead: 2, none: null, is: true },
    });
  });

  it("shows the words that matter in colour, and nothing that a text brings along", () => {
    const shown = highlighted(`UPDATE   v1 -> v2\nNotes    ${DEADLY}\nSteps    swap: CHAT IS AWAY`);
    expect(shown).to.contain("<{%bold%}>UPDATE<{%reset%}>   v1 -> v2");
    expect(shown).to.contain("<{%fg 3%}>CHAT IS AWAY<{%reset%}>");
    expect(shown).not.to.contain(DEADLY);
    const marks = shown.match(/<\{%[^%]*%\}>/g) ?? [];
    for (const mark of marks) expect(mark).to.match(/^<\{%(?:bold|reset|fg [123])%\}>$/);
  });

  it("says the same without colours", () => {
    const text = "BREAKING x\nDatabase\n         050 | files: DATA GO, instant\nDONE v2";
    expect(highlighted(text).replace(/<\{%[^%]*%\}>/g, "")).to.equal(text);
  });
});
