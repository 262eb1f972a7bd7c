import { execa } from "execa";
import { expect } from "chai";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:tls";
import { certificateProblem } from "../../../updater/alerts/certificate.ts";
import { useTemporaryDirectory } from "../temporary.ts";

const DAY = 86_400_000;

describe("the certificate of the public address", () => {
  const temporary = useTemporaryDirectory();
  let server: Server;
  let url: string;

  beforeEach(async () => {
    const [key, certificate] = [temporary("key.pem"), temporary("certificate.pem")];
    await execa("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-days", "90", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
    ]);
    server = createServer({ key: await readFile(key), cert: await readFile(certificate) });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => server.close());

  const after = (days: number): Date => new Date(Date.now() + days * DAY);

  it("is told of two weeks before its end, and after it", async () => {
    expect(await certificateProblem(url, after(0))).to.deep.equal({ state: "good" });
    expect(await certificateProblem(url, after(75))).to.deep.equal({ state: "good" });
    const soon = await certificateProblem(url, after(77));
    expect(soon)
      .to.have.property("problem")
      .that.matches(/expires on 2.*, in 1[23] days$/);
    const late = await certificateProblem(url, after(91));
    expect(late)
      .to.have.property("problem")
      .that.matches(/expired on 2/);
  });

  it("of an address that doesn't answer, or without TLS, is no problem", async () => {
    await new Promise((resolve) => server.close(resolve));
    expect(await certificateProblem(url, after(0))).to.deep.equal({ state: "unknown" });
    expect(await certificateProblem("http://127.0.0.1:1", after(0))).to.deep.equal({
      state: "good",
    });
  });
});
