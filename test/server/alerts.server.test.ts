import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { alertsUnit } from "../../updater/alerts/units.ts";
import { atNight } from "./support/at-night.ts";
import { DIRECTORY, servingChat } from "./support/fixture.ts";
import { spellingsOf } from "./support/needles.ts";
import { DATABASE, SERVER, shell } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const UNIT = alertsUnit(DIRECTORY);

/** The drop-ins of its timer. */
const NEVER = `/run/systemd/system/${UNIT}.timer.d`;

/** Where messages arrive on the server, one document a line. */
const INBOX = "/var/tmp/inbox.jsonl";
const TOKEN = "token-of-the-webhook-7f3a";
const WEBHOOK = `http://127.0.0.1:9077/${TOKEN}`;

/** Takes every message at one address and refuses all others. */
const SINK = `
const { appendFileSync } = require("node:fs");
require("node:http").createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    if (request.url === "/${TOKEN}") appendFileSync("${INBOX}", body + "\\n");
    response.writeHead(request.url === "/${TOKEN}" ? 200 : 404).end();
  });
}).listen(9077, "127.0.0.1");
`;

const START_SINK = `
rm -f "${INBOX}"; cat > /var/tmp/sink.cjs
systemctl reset-failed test-inbox 2>/dev/null
systemd-run --quiet --unit=test-inbox "$(readlink -f ${DIRECTORY}/.deploy/runner-node)" /var/tmp/sink.cjs
for try in $(seq 100); do ss -ltn | grep -q :9077 && exit 0; sleep 0.1; done
exit 1
`;

/** A program for mail that keeps what it is given. */
const SENDMAIL = `#!/bin/sh
printf '%s ' "$@" > /var/tmp/mail.arguments
cat > /var/tmp/mail.text
`;

interface Body {
  text: string;
  begun?: { name: string }[];
  over?: { name: string }[];
}

describe("alerts of the server's own", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0"));
    // A look two minutes after the server's boot would be one more than these tests count.
    await shell(
      demo,
      'mkdir -p "$1"; printf %s "$2" > "$1/never.conf"; systemctl daemon-reload',
      ...[NEVER, "[Timer]\nOnBootSec=\nOnActiveSec=1w\n"],
    );
    await demo.exec(["sh", "-c", START_SINK], { timeout: 30_000, input: SINK });
  });
  after(() =>
    takeBack(
      () =>
        demo &&
        shell(
          demo,
          `systemctl stop test-inbox || true; rm -rf ${NEVER}; systemctl daemon-reload; rm -f ${INBOX} /var/tmp/sink.cjs /var/tmp/mail.* /usr/sbin/sendmail`,
        ),
      () => operator?.leave(),
    ),
  );

  const up = (): Promise<unknown> =>
    operator.must("up", "--yes", "--non-interactive", "--skip-preview");

  /** What has arrived since the last look into the inbox. */
  async function arrived(): Promise<Body[]> {
    const text = await shell(demo, `cat "${INBOX}" 2>/dev/null || true; rm -f "${INBOX}"`);
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Body);
  }

  /** Does what the timer would, and says how it ended. No timer would do it so often that systemd refuses. */
  const look = (): Promise<string> =>
    shell(
      demo,
      `systemctl reset-failed "$1" 2>/dev/null || true
       systemctl start "$1" 2>/dev/null || true; systemctl show --property=Result --value "$1"`,
      `${UNIT}.service`,
    );

  it("that would stand in the stack file in plain text are refused", async () => {
    await operator.configure({ "alerts.webhook": WEBHOOK });
    const { exitCode, output } = await operator.preview();
    expect(exitCode).not.to.equal(0);
    expect(output).to.contain("alerts.webhook: this stands in the stack file in plain text");
    expect(output).not.to.contain(TOKEN);
  });

  it("to an address that doesn't take them are refused, without naming it", async () => {
    await operator.configureSecret("alerts.webhook", `${WEBHOOK}-elsewhere`);
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode).not.to.equal(0);
    expect(output).to.contain("webhook: it answered with HTTP status 404");
    expect(output).not.to.contain(TOKEN);
    expect((await operator.chatalot("alerts")).output).to.contain("The server tells nobody");
  });

  it("begin with a message to try them, and change nothing of the next preview", async () => {
    await operator.configureSecret("alerts.webhook", WEBHOOK);
    await operator.configure({ "alerts.every": "1 day", "alerts.diskFree": "0 MB" });
    await up();
    expect(await arrived()).to.have.length(1);
    expect(await shell(demo, 'systemctl is-enabled "$1"', `${UNIT}.timer`)).to.equal("enabled");
    const { exitCode, output } = await operator.preview("--expect-no-changes");
    expect(exitCode, output).to.equal(0);
  });

  it("say nothing of a server that is well", async () => {
    expect(await look()).to.equal("success");
    expect(await look()).to.equal("success");
    expect(await arrived()).to.deep.equal([]);
    expect((await operator.mustChatalot("status", "--check")).output).to.contain("healthy");
  });

  it("tell that the chat is away at the second look, once, and that it is back", async () => {
    await shell(demo, `docker stop ${SERVER}`);
    await look();
    expect(await arrived()).to.deep.equal([]);
    await look();
    const [message, ...others] = await arrived();
    expect(others).to.deep.equal([]);
    expect(message?.text).to.contain("the chat is down: its container doesn't run");
    await look();
    expect(await arrived()).to.deep.equal([]);
    expect((await operator.mustChatalot("alerts")).output).to.contain("told: the chat is down");
    await shell(demo, `docker start ${SERVER}`);
    await healthy();
    await look();
    expect((await arrived())[0]?.over?.[0]?.name).to.equal("chat");
  });

  atNight("tell that the database is away, although the chat answers with 200", async () => {
    await shell(demo, `docker pause ${DATABASE}`);
    await look();
    await look();
    const [message] = await arrived();
    await shell(demo, `docker unpause ${DATABASE}`);
    expect(message?.text).to.match(/the chat is (?:degraded|down)/);
    await healthy();
    await look();
    expect((await arrived())[0]?.over?.[0]?.name).to.equal("chat");
  });

  atNight(
    "tell of a full disk at the first look, and are sent later where they were not taken",
    async () => {
      await operator.configure({ "alerts.diskFree": "1000 GB" });
      await up();
      expect(await arrived()).to.deep.equal([]);
      await shell(demo, "systemctl stop test-inbox");
      expect(await look()).to.equal("exit-code");
      const { exitCode, output } = await operator.chatalot("status", "--check");
      expect(exitCode).to.equal(1);
      expect(output).to.contain("webhook: it can't be reached");
      await demo.exec(["sh", "-c", START_SINK], { timeout: 30_000, input: SINK });
      expect(await look()).to.equal("success");
      expect((await arrived())[0]?.text).to.match(/the disk of .* has \d+ MB left, less than/);
      expect((await operator.chatalot("status", "--check")).exitCode).to.equal(0);
    },
  );

  it("go by mail as well, through the server's own program", async () => {
    await operator.configure({ "alerts.mail": "admin@example.org" });
    const refused = await operator.up("--skip-preview");
    expect(refused.exitCode).not.to.equal(0);
    expect(refused.output).to.contain("it has no /usr/sbin/sendmail");
    const install = "cat > /usr/sbin/sendmail; chmod 755 /usr/sbin/sendmail";
    await demo.exec(["sh", "-c", install], { timeout: 30_000, input: SENDMAIL });
    await up();
    expect(await shell(demo, "cat /var/tmp/mail.arguments")).to.equal("-i -t");
    const mail = await shell(demo, "cat /var/tmp/mail.text");
    expect(mail).to.match(/^To: admin@example\.org\nSubject: Chatalot on .*: test of the alerts\n/);
    await operator.mustChatalot("alerts", "--test");
    expect(await arrived()).to.have.length(2);
  });

  atNight("whose timer is gone are drift, which an up mends", async () => {
    await shell(demo, 'systemctl disable --now --quiet "$1"', `${UNIT}.timer`);
    const { exitCode, output } = await operator.chatalot("status", "--check");
    expect(exitCode).to.equal(1);
    expect(output).to.contain(`the timer ${UNIT}.timer does not run`);
    await up();
    expect((await operator.chatalot("status", "--check")).exitCode).to.equal(0);
  });

  it("leave the webhook's address nowhere but in one file of root's", async () => {
    const state = JSON.stringify(await operator.exported());
    const log = await shell(demo, "journalctl --no-pager --quiet");
    const readable = await shell(
      demo,
      `{ grep -rlF -- "$1" /srv /etc /var/tmp /usr/local/lib 2>/dev/null || true; } | xargs -r stat --format '%a %n'`,
      TOKEN,
    );
    for (const form of spellingsOf(TOKEN)) {
      expect(state).not.to.contain(form);
      expect(log).not.to.contain(form);
    }
    expect(readable.split("\n").filter((line) => !line.endsWith("sink.cjs"))).to.deep.equal([
      `600 ${DIRECTORY}/.deploy/alerts.json`,
    ]);
  });

  it("end where they are not set any more", async () => {
    await operator.must("config", "rm", "--path", "alerts.webhook");
    await operator.must("config", "rm", "--path", "alerts.mail");
    await up();
    const left = "ls /etc/systemd/system | grep -c '^chatalot-deploy-alerts' || true";
    expect(await shell(demo, left)).to.equal("0");
    expect(await shell(demo, `ls ${DIRECTORY}/.deploy/alerts.json 2>&1 || true`)).to.contain(
      "No such",
    );
  });

  async function healthy(): Promise<void> {
    for (let tries = 0; tries < 60; tries += 1) {
      if ((await operator.chatalot("status", "--check")).exitCode === 0) return;
    }
    throw new Error("the chat did not become healthy again");
  }
});
