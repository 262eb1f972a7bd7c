import { expect } from "chai";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { deliver } from "../../../updater/alerts/deliver.ts";
import { letterOf, testLetter } from "../../../updater/alerts/letter.ts";
import { mailSchema, webhookSchema } from "../../../updater/alerts/protocol.ts";

const SENDER = { directory: "/srv/chatalot", instanceId: "0123456789abcdef" };

describe("a message of an alert", () => {
  let server: Server;
  let webhook: string;
  let status: number;
  let bodies: Record<string, unknown>[];

  beforeEach(async () => {
    [status, bodies] = [204, []];
    server = createServer((request, response) => {
      void text(request).then((body) => {
        bodies.push(JSON.parse(body) as Record<string, unknown>);
        response.writeHead(status, { location: "http://127.0.0.1:1/elsewhere" }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    webhook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook-of-the-test`;
  });
  afterEach(() => server.close());

  const settings = () => ({ webhook, every: 300, diskFree: 0 });

  it("arrives as JSON with its text where chats look for it, and its facts beside it", async () => {
    const memory = { disk: { text: "the disk\u001b[31m is full", since: "2026-01-01", seen: 1 } };
    const message = { begun: ["disk" as const], lasting: [], over: [] };
    expect(await deliver(settings(), letterOf(SENDER, memory, message))).to.deep.equal([]);
    const [body] = bodies;
    expect(body?.["text"]).to.match(
      /\(\/srv\/chatalot\):\n- the disk is full \(since 2026-01-01\)$/,
    );
    expect(body?.["content"]).to.equal(body?.["text"]);
    expect(body?.["instance"]).to.equal(SENDER.instanceId);
    expect(body?.["begun"]).to.have.nested.property("[0].name", "disk");
  });

  it("is no longer than what every chat takes", async () => {
    const memory = { disk: { text: "x".repeat(10_000), since: "2026-01-01", seen: 1 } };
    await deliver(settings(), letterOf(SENDER, memory, { begun: ["disk"], lasting: [], over: [] }));
    expect(String(bodies[0]?.["content"]).length).to.be.below(2_000);
  });

  it("that is not taken is an error without the webhook's address", async () => {
    status = 404;
    expect(await deliver(settings(), testLetter(SENDER))).to.deep.equal([
      "webhook: it answered with HTTP status 404",
    ]);
    server.close();
    server.closeAllConnections();
    const [unreachable = ""] = await deliver(settings(), testLetter(SENDER));
    expect(unreachable).to.match(/^webhook: it can't be reached/);
    expect(unreachable).not.to.contain("hook-of-the-test");
  });

  it("follows no answer to somewhere else", async () => {
    status = 307;
    expect(await deliver(settings(), testLetter(SENDER))).to.deep.equal([
      "webhook: it answered with HTTP status 307",
    ]);
    expect(bodies).to.have.length(1);
  });
});

describe("where alerts are sent", () => {
  it("is an https address, or http on the server itself", () => {
    for (const good of [
      "https://hooks.example.org/a?b=c",
      "http://127.0.0.1:9000/",
      "http://[::1]/x",
    ])
      expect(webhookSchema.safeParse(good).success, good).to.equal(true);
    for (const bad of [
      ...["http://example.org/", "ftp://example.org", "https://user:pass@example.org", "https://"],
      ...["https://example.org/\nX: y", "http://127.0.0.1.example.org/", "javascript:1", 7],
      `https://example.org/${"x".repeat(2_000)}`,
    ])
      expect(webhookSchema.safeParse(bad).success, String(bad)).to.equal(false);
  });

  it("is one address of mail, without anything that a header could mean", () => {
    for (const good of ["admin@example.org", "a.b+chat@mail.example.org", "root@localhost"])
      expect(mailSchema.safeParse(good).success, good).to.equal(true);
    for (const bad of [
      ...["admin", "a@b\nBcc: c@d", "a@b, c@d", "<a@b>", "-oQ/tmp@b", "a b@c", "a@-b", "a@b;c"],
      "$(id)@example.org",
    ])
      expect(mailSchema.safeParse(bad).success, bad).to.equal(false);
  });
});
