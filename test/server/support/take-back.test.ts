import { expect } from "chai";
import { takeBack } from "./take-back.ts";

describe("takeBack", () => {
  const failing = (text: string) => async (): Promise<void> => {
    throw new Error(text);
  };

  it("takes every step in turn, also after one that failed, and then fails as that did", async () => {
    const done: string[] = [];
    const taken = takeBack(
      () => done.push("first"),
      failing("no server"),
      async () => done.push("last"),
    );
    const error = await taken.catch((thrown: unknown) => thrown);
    expect(error).to.have.property("message", "no server");
    expect(done).to.deep.equal(["first", "last"]);
  });

  it("names every failure where there are several", async () => {
    const error = await takeBack(failing("one"), failing("two")).catch((thrown: unknown) => thrown);
    expect(error).to.have.property("message", "one\ntwo");
  });

  it("is content where nothing fails, or there is nothing to do", async () => {
    await takeBack(() => undefined);
    await takeBack();
  });
});
