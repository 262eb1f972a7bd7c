import { createServer, type AddressInfo } from "node:net";
import { expect } from "chai";
import { freePort, startServer } from "./sshd.ts";

describe("the tests' own sshd", () => {
  it("listens on another port where somebody else was quicker to take the chosen one", async () => {
    const quicker = createServer();
    await new Promise<void>((resolve) => quicker.listen(0, "127.0.0.1", resolve));
    const { port: taken } = quicker.address() as AddressInfo;
    const free = await freePort();
    const ports = [taken, free];
    const server = await startServer([], async () => ports.shift() ?? freePort());
    try {
      expect(server.port).not.to.equal(taken);
      expect(server.address.port).to.equal(server.port);
      expect(ports).to.deep.equal([]);
    } finally {
      await server.stop();
      quicker.close();
    }
  });
});
