import { expect } from "chai";
import { RUNNER_PROGRAM, runnerRule } from "../../common/runner-rule.ts";
import type { DemoServer } from "../../demo/server/index.ts";
import { updaterBundle } from "../../provider/server/updater-bundle.ts";
import { HOSTILE_VALUES } from "../support/hostile-values.ts";
import { chatUrl, cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { shell, webVersion } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import {
  asUser,
  type Call,
  callsAsUser,
  forgetRunner,
  installRunner,
  makeUser,
  USER,
} from "./support/runner-user.ts";
import { takeBack } from "./support/take-back.ts";

const PROJECT = "chatalot";

describe("a user with one rule of sudo and no other right", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let updater: string;

  before(async () => {
    updater = (await updaterBundle()).sha256;
    demo = await cleanServer();
    await makeUser(demo);
    operator = await operatorOf(demo);
    await operator.configure({
      "server.user": USER,
      "server.access": "runner",
      release: "v1.0.0",
    });
  });
  after(() =>
    takeBack(
      () => demo && forgetRunner(demo),
      () => operator?.leave(),
    ),
  );

  it("is told what an administrator has to do while there is no runner", async () => {
    const { exitCode, output } = await operator.chatalot("doctor");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain(`npx chatalot runner --user ${USER}`);
    expect(output).to.contain(runnerRule(USER));
  });

  it("gets the one rule by the script that an administrator runs", async () => {
    const said = await installRunner(demo);
    expect(said).to.contain("The runner answers").and.to.contain("NOPASSWD");
    const { stdout } = await asUser(demo, "sudo -l");
    const rules = stdout.split("\n").filter((line) => /^\s+\(/.test(line));
    expect(rules.map((line) => line.trim())).to.deep.equal([
      '(root) NOPASSWD: /usr/local/sbin/chatalot-deploy-runner ""',
    ]);
    expect((await asUser(demo, "id -Gn")).stdout.trim()).to.equal(USER);
    const files = await shell(
      demo,
      "stat -c '%U %a %n' /usr/local/sbin/chatalot-deploy-runner /etc/sudoers.d/chatalot-deploy-* " +
        "/etc/chatalot-deploy /etc/chatalot-deploy/instances /etc/chatalot-deploy/instances/*",
    );
    for (const line of files.split("\n")) expect(line).to.match(/^root (?:755|644|440) /);
  });

  it("deploys, and the volumes are made without Pulumi's docker provider", async () => {
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.0");
    const volumes = await shell(demo, "docker volume ls --format '{{.Name}}'");
    expect(volumes.split("\n")).to.include.members([
      "chatalot_file_storage",
      "chatalot_postgres_data",
    ]);
    const resources = (await operator.exported()).deployment.resources ?? [];
    expect(resources.filter(({ type }) => type.includes("docker"))).to.be.empty;
    const status = await operator.mustChatalot("status", "--check");
    expect(status.output).to.contain("healthy");
  });

  it("can do nothing else as root, and read nothing of the chat's", async () => {
    const before = await traces(demo);
    for (const [command, says] of [
      ["sudo -n true", /password is required|not allowed/],
      ["sudo -n sh -c 'touch /tmp/PWNED'", /password is required|not allowed/],
      ["sudo -n /usr/local/sbin/chatalot-deploy-runner hello", /password is required|not allowed/],
      ["sudo -n /usr/local/sbin/chatalot-deploy-runner -- x", /password is required|not allowed/],
      ["sudo -n NODE_OPTIONS=x /usr/local/sbin/chatalot-deploy-runner", /not allowed/],
      [
        "sudo -n -u nobody /usr/local/sbin/chatalot-deploy-runner",
        /password is required|not allowed/,
      ],
      ["/usr/local/sbin/chatalot-deploy-runner", /for root, by sudo/],
      ["docker ps", /permission denied/],
      [`cat ${DIRECTORY}/.env`, /Permission denied/],
      [`cat ${DIRECTORY}/.deploy/secrets.json`, /Permission denied/],
      [`cat ${DIRECTORY}/current/secrets/jwt_private.pem`, /Permission denied/],
      [`ls ${DIRECTORY}/backups ${DIRECTORY}/.deploy`, /Permission denied|No such file/],
      ["touch /usr/local/lib/chatalot-deploy/x /etc/chatalot-deploy/x", /Permission denied/],
    ] as const) {
      const { exitCode, stderr } = await asUser(demo, command);
      expect(exitCode, command).not.to.equal(0);
      expect(stderr, command).to.match(says);
    }
    expect(await traces(demo)).to.equal(before);
  });

  it("is answered by the programs of root's, whatever stands before them in its PATH", async () => {
    const { stdout } = await asUser(
      demo,
      "mkdir -p ~/bin && for name in sh node env id readlink stat sha256sum docker; do " +
        "printf '#!/bin/sh\\ntouch /tmp/PWNED\\n' > ~/bin/$name; chmod 755 ~/bin/$name; done; " +
        "export PATH=~/bin:$PATH NODE_OPTIONS=--require=/tmp/x.js ENV=/tmp/x BASH_ENV=/tmp/x; " +
        "cd ~/bin; /usr/bin/sudo -n /usr/local/sbin/chatalot-deploy-runner",
      `${JSON.stringify({ call: 1, updater, verb: "hello", seconds: 30 })}\n`,
    );
    expect(JSON.parse(stdout)).to.deep.equal({ runner: updater });
    expect(await pwned(demo)).to.equal("");
  });

  it("is refused whatever is no call for its own chat, and nothing is changed", async () => {
    await asUser(
      demo,
      `ln -sfn /etc ~/chat; ln -sfn ${DIRECTORY} /tmp/chat; mkdir -p ~/own; ln -sfn /etc/shadow ~/own/.env`,
    );
    const before = await traces(demo);
    const calls = hostileCalls(updater);
    const ends = await callsAsUser(demo, calls);
    expect(ends).to.have.length(calls.length);
    ends.forEach(({ exitCode, said }, at) => {
      const what = `${calls[at]?.what}: ${said}`;
      expect(exitCode, what).to.be.oneOf([1, 69]);
      // No text of the host's, and no trace of the program's.
      expect(said, what).not.to.match(/root:|DB_PASSWORD|\n?\s+at .*updater\.mjs/);
    });
    expect(await traces(demo)).to.equal(before);
    expect(await pwned(demo)).to.equal("");
  });

  it("is refused more than there is to be read", async () => {
    const call = JSON.stringify({
      call: 1,
      updater,
      verb: "inspect",
      directory: DIRECTORY,
      seconds: 60,
    });
    const { exitCode, stderr } = await asUser(
      demo,
      `{ cat; head -c 50000000 /dev/zero; } | sudo -n ${RUNNER_PROGRAM}`,
      `${call}\n`,
    );
    expect(exitCode).to.equal(69);
    expect(stderr).to.contain("longer than 33554432 bytes");
  });

  it("is refused what belongs to users, although an administrator has allowed it", async () => {
    const file = "/etc/chatalot-deploy/instances/other.json";
    const directory = `/home/${USER}/own`;
    const permit = { directory, project: "other", users: [USER], allow: [] };
    await shell(demo, `printf '%s' "$1" > ${file}`, JSON.stringify(permit));
    const call = (body: object): Call => ({
      what: JSON.stringify(body),
      line: { call: 1, updater, verb: "facts", directory, seconds: 30 },
      body: JSON.stringify(body),
    });
    const [foreign] = await callsAsUser(demo, [
      call({ directory, project: "other", port: 8080, volumes: [] }),
    ]);
    expect(foreign?.exitCode, foreign?.said).to.equal(69);
    expect(foreign?.said).to.contain(`${directory} belongs to user`);
    // A file that the user could have written says nothing at all, also not about the others.
    await shell(demo, `chmod 666 ${file}`);
    const [open] = await callsAsUser(demo, [call({})]);
    expect(open?.said).to.contain("others than root can change it");
    await shell(demo, `rm ${file}`);
  });

  it("is told to have the runner renewed where it is of another version", async () => {
    const program = "/usr/local/sbin/chatalot-deploy-runner";
    const old = "0".repeat(64);
    await shell(
      demo,
      // Another updater, as an older version would have left it: its own digest is its folder's name.
      `cp ${program} /root/runner; folder=/usr/local/lib/chatalot-deploy; ` +
        `{ cat $folder/${updater}/updater.mjs; echo '// older'; } > /root/old.mjs; ` +
        `digest=$(sha256sum < /root/old.mjs | cut -d ' ' -f 1); install -d $folder/$digest; ` +
        `install -m 644 /root/old.mjs $folder/$digest/updater.mjs; sed -i "s/${updater}/$digest/" ${program}`,
    );
    try {
      for (const run of [await operator.preview(), await operator.chatalot("status")]) {
        expect(run.exitCode, run.output).not.to.equal(0);
        expect(run.output).to.contain("is of another version");
        expect(run.output).to.contain(`npx chatalot runner --user ${USER}`);
      }
      const [end] = await callsAsUser(demo, [
        { what: "an old one", line: { call: 1, updater: old, verb: "hello", seconds: 30 } },
      ]);
      expect(end?.exitCode).to.equal(68);
    } finally {
      await shell(demo, `install -m 755 /root/runner ${program}; rm -f /root/runner /root/old.mjs`);
    }
  });
});

/** Calls that ask for what nobody has allowed, or that are none. */
function hostileCalls(updater: string): Call[] {
  const good = { call: 1, updater, verb: "inspect", directory: DIRECTORY, seconds: 60 };
  const own = { directory: DIRECTORY, project: PROJECT };
  const sha = "a".repeat(64);
  const line = (what: string, changes: object, body: unknown = "", after = ""): Call => ({
    what,
    line: { ...good, ...changes },
    body: `${typeof body === "string" ? body : JSON.stringify(body)}${after}`,
  });
  const words = HOSTILE_VALUES.filter((value) => value.length < 1_000 && value !== "constructor");
  const sample = words.filter((_, at) => at % 4 === 0);
  return [
    { what: "no call", line: "touch /tmp/PWNED\n" },
    { what: "an end without a line", line: "{}" },
    { what: "another form", line: "[]\n" },
    { what: "a long line", line: `${"0".repeat(5_000)}\n` },
    { what: "a prototype", line: `{"__proto__":{"verb":"hello"},"updater":"${updater}"}\n` },
    line("a member that isn't known", { environment: { LD_PRELOAD: "/tmp/x" } }),
    line("no time at all", { seconds: 0 }),
    line("time for ever", { seconds: 1e9 }),
    line("a negative number", { verb: "follow", numbers: [-1] }),
    line("a text for a number", { verb: "follow", numbers: ["1; touch /tmp/PWNED"] }),
    ...[
      "serve",
      "run",
      "watch",
      "routine",
      "adopt",
      "look-for-chat",
      "forget",
      "shell",
      "toString",
    ].map((verb) => line(`the verb ${verb}`, { verb }, own)),
    ...["/etc", "/", "/srv", `${DIRECTORY}/`, `${DIRECTORY}/../../etc`, `${DIRECTORY}/.deploy`]
      .concat(["/home/deploy/own", "/home/deploy/chat", "/tmp/chat", "-rf", `${DIRECTORY}\n/etc`])
      .map((directory) => line(`the directory ${JSON.stringify(directory)}`, { directory })),
    ...sample.map((value) => line(`the verb ${JSON.stringify(value)}`, { verb: value })),
    ...sample.map((value) => line(`the directory ${JSON.stringify(value)}`, { directory: value })),
    line("no directory", { directory: undefined }, { ...own, volumes: [] }),
    line("another directory in its request", {}, { ...own, directory: "/etc", volumes: [] }),
    line("another project", {}, { ...own, project: "other", volumes: [] }),
    line("another volume", {}, { ...own, volumes: ["other_postgres_data"] }),
    line("another volume of its history", { verb: "history" }, { ...own, filesVolume: "etc" }),
    line("no JSON", {}, "{"),
    line("nothing", {}),
    line(
      "a service that is an option",
      { verb: "service-log" },
      {
        ...{ ...own, service: "--privileged", lines: 1, follow: false },
      },
    ),
    line(
      "a time that is an option",
      { verb: "service-log" },
      {
        ...{ ...own, service: "chatalot", lines: 1, follow: false, since: "--follow" },
      },
    ),
    line("the log of a job that isn't there", { verb: "job-log", numbers: [999_999] }),
    line(
      "a backup",
      { verb: "send-backup" },
      {
        ...{ protocol: 1, directory: DIRECTORY, name: "000012-20260301T201500Z", part: "content" },
      },
    ),
    line(
      "a backup by a path",
      { verb: "remove-backup" },
      {
        ...{ protocol: 1, directory: DIRECTORY, name: "../../../etc" },
      },
    ),
    line("images", { verb: "load-images" }, "x"),
    line(
      "an archive by a path",
      { verb: "receive-archive" },
      {
        ...{ directory: DIRECTORY, sha256: "../../../tmp/PWNED", size: 1 },
      },
    ),
    line(
      "a huge archive",
      { verb: "receive-archive" },
      {
        ...{ directory: DIRECTORY, sha256: sha, size: 1e12 },
      },
    ),
    line(
      "an archive that is another",
      { verb: "receive-archive" },
      {
        ...{ directory: DIRECTORY, sha256: sha, size: 3 },
      },
      "\nabc",
    ),
    line(
      "an archive that is longer",
      { verb: "receive-archive" },
      {
        ...{ directory: DIRECTORY, sha256: sha, size: 3 },
      },
      "\nabcd",
    ),
    line(
      "an archive that ends early",
      { verb: "receive-archive" },
      {
        ...{ directory: DIRECTORY, sha256: sha, size: 30 },
      },
      "\nabc",
    ),
    line(
      "copies to a folder of the user's",
      { verb: "set-schedule" },
      {
        ...{ protocol: 1, directory: DIRECTORY },
        schedule: { backup: "daily UTC\nExecStart=/tmp/PWNED", keep: 1 },
      },
    ),
  ];
}

/** All files that root has anything of ours in, with their times: equal as long as nothing was written. */
function traces(demo: DemoServer): Promise<string> {
  return shell(
    demo,
    `find ${DIRECTORY} /etc /usr/local /root -xdev -printf '%p %y %m %u %s %T@\\n' | grep -v ' d ' | sort | sha256sum; ` +
      "docker ps --all --quiet --no-trunc | sort | sha256sum; docker images --quiet | sort | sha256sum",
  );
}

function pwned(demo: DemoServer): Promise<string> {
  return shell(demo, "find / -xdev -name 'PWNED*' 2>/dev/null || true");
}
