import { expect } from "chai";
import { describeBytes, isSize, toBytes } from "../../common/size.ts";

describe("a size", () => {
  it("is told with a digit after the point where it is small, and in GB where it is large", () => {
    for (const [bytes, text] of [
      [0, "0.0 MB"],
      [49_000, "0.0 MB"],
      [1_234_567, "1.2 MB"],
      [9_960_000, "10 MB"],
      [123_456_789, "123 MB"],
      [999_400_000, "999 MB"],
      [999_600_000, "1 GB"],
      [2_840_000_000, "2.8 GB"],
      [77_200_000_000, "77.2 GB"],
    ] as const)
      expect(describeBytes(bytes)).to.equal(text);
  });

  it("is read as it is told", () => {
    for (const bytes of [1_200_000, 512_000_000, 1_500_000_000]) {
      const text = describeBytes(bytes);
      expect(isSize(text) && toBytes(text)).to.equal(bytes);
    }
  });
});
