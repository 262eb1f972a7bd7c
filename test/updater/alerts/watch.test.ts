import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { readAlerts, readWatched } from "../../../updater/alerts/alerts.ts";
import type { Found } from "../../../updater/alerts/conditions.ts";
import { watch } from "../../../updater/alerts/watch.ts";
import { ensureInstance } from "../../../updater/instance.ts";
import { type InstancePaths, instancePaths } from "../../../updater/paths.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";

describe("a look at the server", () => {
  const temporary = useTemporaryDirectory();
  let server: Server;
  let paths: InstancePaths;
  let status: number;
  let texts: string[];
  let found: Found;

  beforeEach(async () => {
    [status, texts] = [200, []];
    found = { conditions: [{ name: "disk", text: "the disk is full" }], unknown: [] };
    server = createServer((request, response) => {
      void text(request).then((body) => {
        texts.push((JSON.parse(body) as { text: string }).text);
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    paths = instancePaths(temporary("chat"));
    await ensureInstance(paths, "chat");
    const webhook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await writeFile(paths.alerts, JSON.stringify({ webhook, every: 300, diskFree: 0 }));
  });
  afterEach(() => server.close());

  const look = (minutes: number): Promise<void> =>
    watch(paths.directory, {
      find: () => Promise.resolve(found),
      now: new Date(Date.UTC(2026, 0, 1, 0, minutes)),
    });

  it("tells what is wrong once, and its end", async () => {
    await look(0);
    await look(5);
    found = { conditions: [], unknown: [] };
    await look(10);
    await look(15);
    expect(texts).to.have.length(2);
    expect(texts[0]).to.contain("- the disk is full (since 2026-01-01T00:00:00.000Z)");
    expect(texts[1]).to.contain("- over: the disk is full");
  });

  it("tells it with the next look where the message was not taken, and says so until then", async () => {
    status = 500;
    expect((await errorOf(() => look(0))).message).to.equal(
      "an alert was not sent: webhook: it answered with HTTP status 500",
    );
    expect((await readWatched(paths))?.problems).to.have.length(1);
    status = 200;
    await look(5);
    expect(texts).to.have.length(2);
    expect((await readWatched(paths))?.problems).to.deep.equal([]);
  });

  it("that fails tells of the chat alone, at the second one", async () => {
    const fail = (minutes: number): Promise<void> =>
      watch(paths.directory, {
        find: () => Promise.reject(new Error("Docker does not answer")),
        now: new Date(Date.UTC(2026, 0, 1, 0, minutes)),
      });
    await look(0);
    await fail(5);
    await fail(10);
    expect(texts).to.have.length(2);
    expect(texts[1]).to.contain("the server can't be looked at: Docker does not answer");
    expect(texts[1]).not.to.contain("over: ");
  });

  it("does nothing where no alerts are set", async () => {
    await watch(temporary("elsewhere"));
    expect(await readAlerts(instancePaths(temporary("elsewhere")))).to.equal(undefined);
  });
});
