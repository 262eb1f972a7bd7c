import { expect } from "chai";
import { UserError } from "../../common/errors.ts";
import { UNREAD } from "../../settings/environment.ts";
import { parseSettings, type ParseOptions } from "../../settings/parse.ts";

/** The lines of the error, without the project's name in front of the keys. */
function problems(raw: Record<string, unknown>, options?: ParseOptions): string[] {
  let thrown: unknown;
  try {
    parseSettings(raw, options);
  } catch (error) {
    thrown = error;
  }
  expect(thrown, JSON.stringify(raw)?.slice(0, 200)).to.be.instanceOf(UserError);
  const lines = (thrown as UserError).message.split("\n");
  return lines.filter((line) => line.startsWith("  ")).map((line) => line.replace(/^.*?:/, ""));
}

/** A configuration that is right but for these keys. */
function problem(raw: Record<string, unknown>): string {
  const [only = "", ...more] = problems({ release: "v1", ...raw });
  expect(more).to.deep.equal([]);
  return only;
}

const longText = "x".repeat(1_000_000);
/** Values that mean something to a shell, to a file format, or to a parser. */
const HOSTILE: unknown[] = [
  "a;touch PWNED",
  "$(touch PWNED)",
  "`touch PWNED`",
  "a'b",
  'a"b',
  "a\nb",
  "a\rb",
  "a\0b",
  "%h",
  "-oProxyCommand=touch PWNED",
  " a ",
  "*",
  "é\u202e😀",
  longText,
  "",
  null,
  [],
  {},
  { a: 1 },
  true,
  Number.NaN,
  -1,
  1.5,
];

describe("parseSettings", () => {
  it("needs a release only", () => {
    expect(parseSettings({ release: "v0.22.6" })).to.deep.equal({
      release: "v0.22.6",
      repository: "https://github.com/purpleneutral/chatalot.git",
      server: null,
      directory: "/srv/chatalot",
      project: "chatalot",
      listen: { address: "127.0.0.1", port: 8080 },
      beforeOwner: "loopback",
      env: {},
      secretEnv: {},
      profiles: [],
      sideImages: {},
      volumes: { database: "chatalot_postgres_data", files: "chatalot_file_storage" },
      health: {
        timeout: "60 seconds",
        migrationTimeout: "30 minutes",
        mustStayGoodFor: "10 seconds",
        public: "warn",
      },
      keepReleases: 5,
      keepRevertPoints: 1,
      keepBackups: 5,
      includeFiles: true,
      hooks: { timeLimit: 300_000 },
      images: { image: "build", buildOn: "server", cacheBytes: 5_000_000_000 },
      prepareServer: false,
      whenItFails: "revert",
    });
  });

  describe("sideImages", () => {
    const image = `postgres:17@sha256:${"ab".repeat(32)}`;

    it("are images by service, each with its tag and its digest", () => {
      const { sideImages } = parseSettings({ release: "v1", sideImages: { postgres: image } });
      expect(sideImages).to.deep.equal({ postgres: image });
    });

    for (const wrong of ["postgres:17", image.replace(":17", ""), `--${image}`, 17, {}, null])
      it(`are refused where one is ${JSON.stringify(wrong)}`, () => {
        expect(() => parseSettings({ release: "v1", sideImages: { postgres: wrong } })).to.throw(
          UserError,
          /sideImages\.postgres: (?:is missing: )?expected an image with its tag and its digest/,
        );
      });

    for (const wrong of ["postgres", ["postgres"], 1])
      it(`are refused as ${JSON.stringify(wrong)}`, () => {
        expect(() => parseSettings({ release: "v1", sideImages: wrong })).to.throw(
          UserError,
          "sideImages: expected images by the names of services",
        );
      });
  });

  it("reads everything, as text or as YAML has read it", () => {
    const settings = parseSettings({
      release: "v0.22.6@2d55427",
      repository: "git@example.org:chatalot.git",
      server: { host: "chat.example.org", port: "2222", directory: "/srv/second" },
      project: "second",
      url: "HTTPS://Chat.Example.org:443/",
      listen: { address: "::1", port: 3000 },
      env: { MAX_FILE_SIZE_MB: 250, REGISTRATION_MODE: "open", RUST_LOG: true },
      secretEnv: { GIPHY_API_KEY: "abc" },
      profiles: "turn,production,turn",
      health: { timeout: "90 seconds", mustStayGoodFor: "1 second", public: "required" },
      keep: { releases: "3" },
      retry: "12",
      rollback: { database: "backup", job: "11" },
      prepareServer: "true",
      image: "build",
      buildOn: "server",
      runtime: "docker",
      whenItFails: "revert",
    });
    expect(settings).to.deep.include({
      server: { user: "root", host: "chat.example.org", port: 2222 },
      directory: "/srv/second",
      url: "https://chat.example.org",
      env: { MAX_FILE_SIZE_MB: "250", REGISTRATION_MODE: "open", RUST_LOG: "true" },
      secretEnv: { GIPHY_API_KEY: "abc" },
      profiles: ["turn", "production"],
      keepReleases: 3,
      retry: 12,
      rollback: { way: "backup", job: 11 },
      prepareServer: true,
    });
    expect(settings.health).to.include({ timeout: "90 seconds", migrationTimeout: "30 minutes" });
  });

  it("has no way for the database unless one is chosen, for the job that it is meant for", () => {
    expect(parseSettings({ release: "v1" })).not.to.have.property("rollback");
    const backup = "000012-20260301T201500Z";
    expect(
      parseSettings({ release: "v1", rollback: { database: "backup", job: "0", backup } }).rollback,
    ).to.deep.equal({ way: "backup", job: 0, backup });
    for (const name of ["../ledger", "mine", `${backup}; touch PWNED`])
      expect(
        problem({ release: "v1", rollback: { database: "backup", job: 1, backup: name } }),
      ).to.contain("expected the name of a backup");
    expect(
      problems({ release: "v1", rollback: { database: "revert-point", job: 1, backup } }).join(),
    ).to.contain('rollback.backup: means nothing without rollback.database "backup"');
    const refused = { release: "v1", rollback: { database: "refuse", job: 11 } };
    expect(parseSettings(refused)).not.to.have.property("rollback");
    expect(problems({ release: "v1", rollback: { database: "backup" } }).join()).to.contain(
      "rollback.job: is missing: expected the number of the job that brought what serves",
    );
    const undo = { database: "undo-scripts", job: 1 };
    expect(problems({ release: "v1", rollback: undo }).join()).to.contain(
      "rollback.scripts: is missing",
    );
    expect(
      parseSettings({ release: "v1", rollback: { ...undo, scripts: "~/undo" } }).rollback,
    ).to.deep.equal({ way: "undo-scripts", job: 1, scripts: "~/undo" });
    expect(problems({ release: "v1", rollback: { database: "snapshot" } }).join()).to.contain(
      'rollback.database: expected "refuse", "revert-point", "backup" or "undo-scripts"',
    );
  });

  it("reports every wrong value at once, each with key, expectation, value and example", () => {
    expect(
      problems({
        release: "main branch",
        url: "chat.example.org",
        listen: { port: "70000" },
        health: { timeout: "60" },
        env: { REGISTRATION_MODE: "invites" },
      }),
    ).to.deep.equal([
      'env.REGISTRATION_MODE: expected "invite_only", "open" or "closed", got "invites". Example: invite_only',
      'health.timeout: expected a time with its unit, from "10 seconds" to "1 hour", got "60". Example: "60 seconds"',
      'listen.port: expected a port from 1 to 65535, got "70000". Example: 8080',
      "release: expected a tag, a commit, or both with an @ between them (it has a character that " +
        'names of releases don\'t have), got "main branch". Example: v0.22.6, 2d55427 or v0.22.6@2d55427',
      "url: expected the public address of the chat without a path, got " +
        '"chat.example.org". Example: https://chat.example.org',
    ]);
  });

  it("says that the release is missing", () => {
    expect(problems({})).to.deep.equal([
      "release: is missing: expected a tag, a commit, or both with an @ between them. " +
        "Example: v0.22.6, 2d55427 or v0.22.6@2d55427",
    ]);
  });

  describe("names a commit that YAML has changed", () => {
    for (const release of [1234567, 1e10, "1e+10", "1.234e+59", "+Inf", ".inf", Infinity]) {
      it(String(release), () => {
        expect(problem({ release })).to.include("read a commit as a number");
      });
    }

    for (const release of ["1234567", "12345e67"]) {
      it(`but takes ${release}, which is as it was written`, () => {
        expect(parseSettings({ release }).release).to.equal(release);
      });
    }
  });

  /** Keys whose value goes into a command, a file or an address, and a right value for each. */
  const fields: [string, (value: unknown) => Record<string, unknown>, unknown][] = [
    ["release", (release) => ({ release }), "v1"],
    ["repository", (repository) => ({ repository }), "https://example.org/x.git"],
    ["project", (project) => ({ project }), "second"],
    ["url", (url) => ({ url }), "https://chat.example.org"],
    ["server.host", (host) => ({ server: { host } }), "chat.example.org"],
    ["server.user", (user) => ({ server: { host: "h", user } }), "deploy"],
    ["server.port", (port) => ({ server: { host: "h", port } }), 22],
    ["server.directory", (directory) => ({ server: { directory } }), "/srv/x"],
    ["server.jumpHost", (jumpHost) => ({ server: { host: "h", jumpHost } }), "a@b:22"],
    ["server.hostKey", (hostKey) => ({ server: { host: "h", hostKey } }), undefined],
    ["listen.address", (address) => ({ listen: { address } }), "0.0.0.0"],
    ["listen.port", (port) => ({ listen: { port } }), 1],
    ["health.timeout", (timeout) => ({ health: { timeout } }), "60 seconds"],
    ["health.public", (value) => ({ health: { public: value } }), "off"],
    ["keep.releases", (releases) => ({ keep: { releases } }), 1],
    ["retry", (retry) => ({ retry }), 1],
    ["prepareServer", (prepareServer) => ({ prepareServer }), false],
    ["whenItFails", (whenItFails) => ({ whenItFails }), "revert"],
    ["env.REGISTRATION_MODE", (mode) => ({ env: { REGISTRATION_MODE: mode } }), "open"],
    ["env.TURN_EXTERNAL_IP", (ip) => ({ env: { TURN_EXTERNAL_IP: ip } }), "203.0.113.7"],
    ["env.TURN_USER", (user) => ({ env: { TURN_USER: user } }), "chat"],
  ];
  for (const [key, make, right] of fields) {
    it(`refuses every hostile value of ${key}`, () => {
      for (const value of HOSTILE) {
        if (key === "prepareServer" && value === true) continue;
        if (key === "env.TURN_USER" && (value === true || value === -1 || value === "")) continue;
        const lines = problems({ release: "v1", ...make(value) });
        expect(
          lines.some((line) => line.startsWith(`${key}`)),
          `${key}: ${lines.join()}`,
        ).to.be.true;
        for (const line of lines) {
          expect(line.length, "a line that can be read").to.be.below(500);
          expect(line).not.to.match(/[\u0000-\u001f\u202e]/);
        }
      }
      if (right !== undefined) parseSettings({ release: "v1", ...make(right) });
    });
  }

  it("carries a free text through as it is", () => {
    for (const value of ["a;touch PWNED", "$(x)`y`$Z", `'"\\`, "%s", " a ", "é 😀", ""]) {
      const { env } = parseSettings({ release: "v1", env: { ADMIN_USERNAME: value } });
      expect(env["ADMIN_USERNAME"]).to.equal(value);
    }
  });

  it("refuses a value of env that would be another line or isn't text", () => {
    for (const value of ["a\nB=1", "a\rb", "a\0b", "\ud800", null, [], {}, 1e300, Number.NaN]) {
      expect(problem({ env: { ADMIN_USERNAME: value } })).to.match(
        /^env\.ADMIN_USERNAME: expected/,
      );
    }
  });

  const directories = [
    "/",
    "/etc",
    "/srv",
    "/etc/chatalot",
    "/usr/x",
    "/srv/../etc",
    "srv/x",
    "/srv/a b",
  ];
  for (const directory of [...directories, "/srv/x/", "/srv//x", "/srv/.x", "~/x", "/srv/x:y"]) {
    it(`refuses the directory ${directory}`, () => {
      expect(problem({ server: { directory } })).to.include("a folder of its own");
    });
  }

  for (const url of [
    "ftp://chat.example.org",
    "https://",
    "https://user:pw@chat.example.org",
    "https://chat.example.org/path",
    "https://chat.example.org?x",
    "https://chat.example.org#x",
    "https://chat.example.org\\@evil.example.org",
    "javascript:alert(1)",
  ]) {
    it(`refuses the url ${url}`, () => {
      expect(problem({ url })).to.include("public address");
    });
  }

  const unknownKeys: [Record<string, unknown>, string][] = [
    [
      { relase: "v2" },
      "relase: there is no such key; the nearest is release. Example: pulumi config rm relase",
    ],
    [{ prepareserver: true }, "the nearest is prepareServer"],
    [{ somethingElse: 1 }, "somethingElse: there is no such key. Example"],
    [
      { server: { host: "h", hostname: "x" } },
      "server.hostname: there is no such key; the nearest is server.host",
    ],
    [{ health: { wait: "1" } }, "it has timeout, migrationTimeout, mustStayGoodFor, public"],
    [{ listen: { adress: "::1" } }, "the nearest is listen.address"],
    [
      { MAX_FILE_SIZE_MB: "2" },
      "belongs under env. Example: pulumi config set --path env.MAX_FILE_SIZE_MB 2",
    ],
    [{ GIPHY_API_KEY: "topsecret" }, "set --path --secret secretEnv.GIPHY_API_KEY"],
    [{ "a b;c": 1 }, "pulumi config rm 'a b;c'"],
    [{ __proto__: null, constructor: 1 }, "constructor: there is no such key"],
  ];
  for (const [raw, text] of unknownKeys) {
    it(`refuses the unknown key in ${JSON.stringify(raw)}`, () => {
      expect(problem(raw)).to.include(text).and.not.to.include("topsecret");
    });
  }

  it("recognises keys that were set without --path", () => {
    expect(problem({ "server.host": "chat.example.org" })).to.equal(
      "server.host: this was set without --path. Example: pulumi config rm server.host; " +
        "pulumi config set --path server.host chat.example.org",
    );
    expect(problem({ "health.timeout": "60 seconds" })).to.include(
      "set --path health.timeout '60 seconds'",
    );
    expect(problem({ "profiles[0]": "turn" })).to.include("set --path 'profiles[0]' turn");
    const secret = problem({ "secretEnv.GIPHY_API_KEY": "topsecret" });
    expect(secret).to.include("set --path --secret secretEnv.GIPHY_API_KEY");
    expect(secret).not.to.include("topsecret");
    const webhook = problem({ "alerts.webhook": "https://hooks.example.org/topsecret" });
    expect(webhook).to.match(
      /rm alerts\.webhook; pulumi config set --path --secret alerts\.webhook$/,
    );
    expect(problem({ "env.RUST_LOG": "a\nb" })).to.match(/set --path env\.RUST_LOG$/);
  });

  it("says how to set a key that has keys of its own", () => {
    expect(problem({ server: "chat.example.org" })).to.equal(
      'server: expected settings of its own, got "chat.example.org". ' +
        "Example: pulumi config set --path server.host chat.example.org",
    );
  });

  it("says what isn't there yet", () => {
    for (const raw of [{ runtime: "systemd" }, { whenItFails: "stop" }])
      expect(problem(raw)).to.include("not available in this version");
    expect(problem({ runtime: "podman" })).to.include('expected "docker"');
  });

  it("takes other volumes, one for each, and none through the runner", () => {
    const { volumes } = parseSettings({ release: "v1", volumes: { database: "my_messages" } });
    expect(volumes).to.deep.equal({ database: "my_messages", files: "chatalot_file_storage" });
    expect(problem({ volumes: { files: "chatalot_postgres_data" } })).to.match(
      /^volumes\.files: expected another volume than that of the database/,
    );
    expect(problem({ volumes: { database: "/var/data" } })).to.match(
      /^volumes\.database: expected Docker's name of a volume/,
    );
    const server = { host: "chat.example.org", user: "deploy", access: "runner" };
    expect(problem({ server, volumes: { database: "my_messages" } })).to.match(
      /^volumes: can't be others than the project's own through the runner/,
    );
    expect(() => parseSettings({ release: "v1", server, volumes: {} })).not.to.throw();
  });

  it("takes another place for copies, for whom they are encrypted, and neither alone", () => {
    const copyTo = "/mnt/backups";
    const recipient = `age1${"q".repeat(58)}`;
    const schedule = "daily UTC";
    const parsed = parseSettings({
      release: "v1",
      backup: { schedule, copyTo, encryptTo: [recipient] },
    });
    expect(parsed.schedule).to.include({ copyTo });
    expect(parsed.schedule?.encryptTo).to.deep.equal([recipient]);
    expect(problem({ backup: { copyTo } })).to.match(
      /^backup\.copyTo: means nothing without backup\.schedule/,
    );
    expect(problem({ backup: { schedule, encryptTo: [recipient] } })).to.match(
      /^backup\.encryptTo: means nothing without backup\.copyTo/,
    );
    for (const wrong of ["elsewhere", "/mnt/../etc", "/mnt/$(id)", "-x"])
      expect(problem({ backup: { schedule, copyTo: wrong } }), wrong).to.include(
        "expected the absolute path of a folder on the server",
      );
    const wrong = { schedule, copyTo, encryptTo: ["age1 x"] };
    expect(problem({ backup: wrong })).to.include("expected public keys of age");
  });

  it("takes whom the server tells, and says nothing of a webhook that is wrong", () => {
    const { alerts } = parseSettings({
      ...{ release: "v1", url: "https://chat.example.org/" },
      alerts: { mail: "admin@example.org", webhook: "https://hooks.example.org/x" },
    });
    expect(alerts).to.deep.equal({
      ...{ mail: "admin@example.org", webhook: "https://hooks.example.org/x" },
      ...{ every: 300, diskFree: 2_000_000_000, url: "https://chat.example.org" },
    });
    expect(parseSettings({ release: "v1", alerts: { every: "1 hour" } }).alerts).to.equal(
      undefined,
    );
    const wrong = problem({ alerts: { webhook: "http://hooks.example.org/topsecret" } });
    expect(wrong).to.include("alerts.webhook: expected an https address");
    expect(wrong).not.to.include("topsecret");
    expect(problem({ alerts: "https://hooks.example.org/topsecret" })).not.to.include("topsecret");
  });

  it("takes times that come again with the name of their zone alone", () => {
    const schedule = (value: unknown): Record<string, unknown> => ({ backup: { schedule: value } });
    for (const good of ["daily UTC", "*-*-* 03:30 Europe/Berlin", "Sun 04:00 America/New_York"])
      expect(parseSettings({ release: "v1", ...schedule(good) }).schedule).to.deep.equal({
        ...{ backup: good, keep: 7, drill: "*-*-01 05:00 UTC", files: true },
      });
    expect(problem(schedule("*-*-* 03:30"))).to.include(
      "with the name of its time zone at the end",
    );
    expect(problem(schedule("03:30 Europe/Berln"))).to.include("such as Europe/Berlin or UTC");
    for (const bad of ["03:30 +02:00", "", "daily; UTC", "daily UTC\nExecStart=x", "%h UTC", 5])
      expect(problem(schedule(bad)), String(bad)).to.include("a time");
    const never = { backup: { schedule: "daily UTC", drill: "never" } };
    expect(parseSettings({ release: "v1", ...never }).schedule).to.deep.equal({
      ...{ backup: "daily UTC", keep: 7, files: true },
    });
    expect(parseSettings({ release: "v1" }).schedule).to.equal(undefined);
  });

  it("takes hooks as a program, or as a list with its arguments, which no shell reads", () => {
    const good: [unknown, string[]][] = [
      ["/usr/local/bin/announce", ["/usr/local/bin/announce"]],
      ["~/hooks/announce", ["~/hooks/announce"]],
      ["announce", ["announce"]],
      [["/opt/my hooks/announce"], ["/opt/my hooks/announce"]],
      [
        ["curl", "--max-time", 5, "--fail", true],
        ["curl", "--max-time", "5", "--fail", "true"],
      ],
      [
        ["announce", "$(reboot); `reboot`", "*", "", "two\nlines"],
        ["announce", "$(reboot); `reboot`", "*", "", "two\nlines"],
      ],
    ];
    for (const [value, expected] of good)
      for (const key of ["beforeUpdate", "afterUpdate", "onFailure"] as const)
        expect(parseSettings({ release: "v1", hooks: { [key]: value } }).hooks).to.deep.equal({
          [key]: expected,
          timeLimit: 300_000,
        });
    const limited = parseSettings({ release: "v1", hooks: { timeLimit: "30 seconds" } });
    expect(limited.hooks).to.deep.equal({ timeLimit: 30_000 });
  });

  const noProgram: unknown[] = [
    ...[
      "announce the update",
      "sh -c reboot",
      "./announce",
      "hooks/announce",
      "../x",
      "-x",
      "",
      " ",
    ],
    ...["$(reboot)", "`reboot`", "a;b", "a|b", "~", "~other/x", "/bin/a\u0000b", "/bin/a\nb"],
    ...[[], [""], ["./announce"], ["-c"], [["a"]], [{}], [null], ["a", null], ["a", 1.5], [1e300]],
    ...[["a", "b\u0000c"], ["a", "b".repeat(5_000)], Array(200).fill("a"), 5, true, {}, null],
  ];
  for (const value of noProgram)
    it(`refuses a hook that is ${JSON.stringify(value)?.slice(0, 60)}`, () => {
      expect(problem({ hooks: { beforeUpdate: value } }))
        .to.match(/^hooks\.beforeUpdate: (is missing: )?expected a program on this machine/)
        .and.to.contain('Example: ["/usr/local/bin/announce"');
    });

  it("refuses a hook's name and time that are none", () => {
    expect(problem({ hooks: { before: "x" } })).to.contain("hooks.before: there is no such key");
    for (const timeLimit of ["5", "0 seconds", "2 hours", 300, "forever"])
      expect(problem({ hooks: { timeLimit } })).to.contain(
        'expected a time with its unit, from "1 second" to "1 hour"',
      );
    expect(problem({ hooks: "announce" })).to.contain("expected settings of its own");
  });

  it("takes what says where images come from, and what a build may take", () => {
    for (const image of [
      "auto",
      "pull",
      "ghcr.io/us/chatalot",
      "localhost:5000/us/chatalot:0.22.6",
    ])
      expect(parseSettings({ release: "v1", image }).images.image).to.equal(image);
    expect(
      parseSettings({
        release: "v1",
        server: { host: "h" },
        buildOn: "here",
        build: { memory: "1.5 GB", cache: "all" },
      }).images,
    ).to.deep.equal({ image: "build", buildOn: "here", memoryBytes: 1_500_000_000 });
    expect(parseSettings({ release: "v1", buildOn: "here" }).images).to.deep.equal({
      image: "build",
      buildOn: "server",
      cacheBytes: 5_000_000_000,
    });
  });

  it("refuses what is no image, no place and no size", () => {
    for (const image of ["bild", "--help/x", "a b/c", "us/chatalot:$(id)", "us/chatalot@sha256:1"])
      expect(problem({ image }), image).to.include('expected "build", "pull", "auto"');
    expect(problem({ buildOn: "there" })).to.include('expected "server" or "here"');
    expect(problem({ build: { memory: "2" } })).to.include('from "4 MB" to "1000 GB"');
    expect(problem({ build: { cache: "none" } })).to.include('or "all"');
  });

  it("refuses to pull where no published image can be known", () => {
    expect(problem({ image: "pull", repository: "/srv/git/chatalot" })).to.include(
      "only repositories on GitHub have a known one",
    );
  });

  it("refuses an address of the server without a host", () => {
    expect(problem({ server: { user: "deploy", directory: "/srv/x" } })).to.include(
      "server.host: is missing: without it user would mean nothing",
    );
  });

  it("refuses two sources of host keys", () => {
    const server = {
      host: "h",
      hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJgbIZ0yFg1pgTLSKzP2CRbnxD2ehJ9F2EzBqhgk8uB4",
      knownHostsFile: "/home/me/known_hosts",
    };
    expect(problems({ release: "v1", server }).join()).to.include(
      "either hostKey or knownHostsFile",
    );
  });

  it("refuses a time of being good that the time for becoming good doesn't leave room for", () => {
    expect(problem({ health: { timeout: "10 seconds" } })).to.include("less than health.timeout");
  });

  it("shows no credentials of a repository", () => {
    for (const repository of ["https://me:topsecret@h/x", "http://me:topsecret@h/x"]) {
      expect(problem({ repository })).not.to.include("topsecret");
    }
    expect(problem({ repository: "https://me:topsecret@h/x" })).to.include("without credentials");
  });

  describe("env and secretEnv", () => {
    const names: [string, string][] = [
      ["REGISTRATION_MOD", "the nearest is REGISTRATION_MODE"],
      ["GIPHY_API_KEY", "belongs under secretEnv"],
      ["MY_OWN_TOKEN", "belongs under secretEnv"],
      ["DB_PASSWORD", "made by this tool"],
      ["TOTP_ENCRYPTION_KEY", "made by this tool"],
      ["DATABASE_URL", "can't be chosen"],
      ["PUBLIC_URL", 'use "url"'],
      ["LISTEN_ADDR", 'use "listen"'],
      ["JWT_PRIVATE_KEY_PATH", "set by this tool"],
      ["COMPOSE_PROFILES", 'use "profiles"'],
      [
        "SOMETHING",
        "no such variable. Example: if it has by now: pulumi config set --path 'moreEnv[0]'",
      ],
      ["rust_log", "capital letters"],
      ["A=B", "capital letters"],
      ["A\nB", "capital letters"],
      ["", "capital letters"],
      ["__proto__x", "capital letters"],
    ];
    for (const [name, text] of names) {
      it(`refuses the name ${JSON.stringify(name)}`, () => {
        expect(problem({ env: { [name]: "topsecret" } }))
          .to.include(text)
          .and.not.to.include("topsecret");
      });
    }

    it("allows a name that the operator vouches for, in both places", () => {
      const settings = parseSettings({
        release: "v1",
        moreEnv: ["NEW_LIMIT", "NEW_TOKEN"],
        env: { NEW_LIMIT: 5 },
        secretEnv: { NEW_TOKEN: "x" },
      });
      expect(settings.env).to.deep.equal({ NEW_LIMIT: "5" });
      expect(problem({ moreEnv: "NEW_TOKEN", env: { NEW_TOKEN: "x" } })).to.include("secretEnv");
      expect(problem({ moreEnv: "DB_PASSWORD", env: { DB_PASSWORD: "x" } })).to.include("made by");
    });

    it("never shows a value of secretEnv", () => {
      const lines = problems({
        release: "v1",
        secretEnv: {
          GIPHY_API_KEY: "topsecret\nA=1",
          TURN_PASSWORD: "topsecret --no-auth",
          ICE_SERVERS: "topsecret",
          DB_PASSWORD: "topsecret",
          SOMETHING: "topsecret",
          CLOUDFLARE_TUNNEL_TOKEN: { topsecret: "topsecret" },
          REGISTRATION_MODE: "topsecret",
        },
      });
      expect(lines).to.have.length(7);
      expect(lines.join("\n")).not.to.include("topsecret");
      expect(problem({ secretEnv: "topsecret" })).not.to.include("topsecret");
      expect(problem({ secretEnv: ["topsecret"] })).not.to.include("topsecret");
    });

    it("lets a plain variable be kept secret, but not twice", () => {
      const secretEnv = { ADMIN_USERNAME: "x" };
      expect(parseSettings({ release: "v1", secretEnv }).secretEnv).to.deep.equal(secretEnv);
      expect(problem({ secretEnv, env: { ADMIN_USERNAME: "y" } })).to.include("secretEnv as well");
    });

    it("accepts what coturn's command line can carry", () => {
      const secretEnv = { TURN_PASSWORD: "Abc-1.2_3~+" };
      expect(parseSettings({ release: "v1", secretEnv }).secretEnv).to.deep.equal(secretEnv);
    });
  });

  describe("where it is known what is encrypted", () => {
    it("refuses secrets in plain text", () => {
      const raw = { release: "v1", secretEnv: { GIPHY_API_KEY: "topsecret" } };
      const [line = ""] = problems(raw, { secretKeys: [] });
      expect(line).to.include("plain text").and.to.include("--secret secretEnv.GIPHY_API_KEY");
      expect(line).not.to.include("topsecret");
      parseSettings(raw, { secretKeys: ["secretEnv"] });
    });

    it("refuses encryption that would be undone", () => {
      const raw = { release: "v1", url: "https://chat.example.org" };
      expect(problems(raw, { secretKeys: ["url"] })[0]).to.include("url: this is encrypted");
    });

    it("advises to remove the encrypted value of a section, never the section", () => {
      const server = { host: "chat.example.org", user: "root" };
      // As the program knows it, and as a command does, which reads nothing that is encrypted.
      for (const raw of [{ release: "v1", server }, { release: "v1" }]) {
        const [line = "", ...others] = problems(raw, { secretKeys: ["server"] });
        expect(others).to.deep.equal([]);
        expect(line).to.include("server: one of its values is encrypted");
        expect(line).to.include("pulumi config rm --path server.<key>; then set it again");
        expect(line).not.to.include("config rm server");
      }
      const [profiles] = problems({ release: "v1" }, { secretKeys: ["profiles"] });
      expect(profiles).to.include("pulumi config rm --path 'profiles[<number>]'");
    });

    it("says of a secret that was set without --path just that", () => {
      const raw = { release: "v1", "alerts.webhook": "https://hooks.example.org/topsecret" };
      const lines = problems(raw, { secretKeys: ["alerts.webhook"] });
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include("was set without --path").and.not.to.include("topsecret");
    });

    it("needs no value of what is encrypted", () => {
      expect(problems({}, { secretKeys: ["release", "secretEnv"] })).to.have.length(1);
      const secretEnv = { ICE_SERVERS: UNREAD, DB_PASSWORD: UNREAD };
      const lines = problems({ release: "v1", secretEnv }, { secretKeys: ["secretEnv"] });
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include("secretEnv.DB_PASSWORD: this variable is made by this tool");
    });
  });

  it("wants a webhook encrypted, and takes it so", () => {
    const raw = { release: "v1", alerts: { webhook: "https://hooks.example.org/topsecret" } };
    const [line = ""] = problems(raw, { secretKeys: [] });
    expect(line).to.include("alerts.webhook: this stands in the stack file in plain text");
    expect(line).not.to.include("topsecret");
    parseSettings(raw, { secretKeys: ["alerts"] });
    parseSettings({ release: "v1", alerts: { mail: "a@example.org" } }, { secretKeys: [] });
  });

  it("names the project in front of the keys", () => {
    expect(() => parseSettings({}, { namespace: "mine" })).to.throw(
      UserError,
      "  mine:release: is",
    );
  });
});
