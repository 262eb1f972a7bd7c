import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { parse } from "yaml";
import { UserError } from "../../common/errors.ts";
import { imageFor, imagesToBuild, renderCompose } from "../../release/compose-file.ts";
import type { ComposeInput } from "../../release/compose-file.ts";

const folder = new URL("./compose/", import.meta.url);
const upstream = readFileSync(new URL("upstream.yml", folder), "utf8");
const COMMIT = "1111222233334444555566667777888899990000";

function input(changes: Partial<ComposeInput> = {}): ComposeInput {
  return {
    composeText: upstream,
    project: "chatalot",
    image: `chatalot-deploy/chatalot:${COMMIT}`,
    commit: COMMIT,
    releaseName: "v0.22.6",
    listen: { address: "127.0.0.1", port: 3000 },
    environment: {
      REGISTRATION_MODE: "open",
      MAX_FILE_SIZE_MB: "250",
      GITHUB_REPO: "a$b${c}$$",
      UPLOAD_QUOTA_MB: "1e3",
    },
    environmentFromFile: ["GIPHY_API_KEY"],
    secretsDirectory: "/srv/chatalot/releases/x-3/secrets",
    volumes: { postgres_data: "chatalot_postgres_data", file_storage: "chatalot_file_storage" },
    treeDirectory: "/srv/chatalot/releases/x-3/tree",
    url: "https://chat.example.org",
    ...changes,
  };
}

interface Rendered {
  name: string;
  services: Record<string, Record<string, unknown>>;
  secrets: Record<string, { file: string }>;
}

function rendered(changes: Partial<ComposeInput> = {}): Rendered {
  return parse(renderCompose(input(changes)), { merge: true }) as Rendered;
}

function serverOf(lines: string): string {
  return `services:\n  postgres: { image: "postgres:17" }\n  chatalot:\n${lines
    .split("\n")
    .map((line) => `    ${line}\n`)
    .join("")}`;
}

function environmentOf(text: string, environment: Record<string, string>): Record<string, string> {
  const file = rendered({ composeText: text, volumes: {}, environment });
  return file.services["chatalot"]?.["environment"] as Record<string, string>;
}

function refusal(changes: Partial<ComposeInput>): string {
  let thrown: unknown;
  try {
    renderCompose(input(changes));
  } catch (error) {
    thrown = error;
  }
  expect(thrown).to.be.instanceOf(UserError);
  return (thrown as UserError).message;
}

describe("renderCompose", () => {
  it("renders the golden file", () => {
    const golden = new URL("rendered.yaml", folder);
    const text = renderCompose(input());
    if (process.env["UPDATE_GOLDEN"] !== undefined) writeFileSync(golden, text);
    expect(text).to.equal(readFileSync(golden, "utf8"));
  });

  it("gives the same bytes for the same input, whatever the order of the environment", () => {
    const environment = Object.fromEntries(Object.entries(input().environment).reverse());
    expect(renderCompose(input({ environment }))).to.equal(renderCompose(input()));
  });

  it("leaves everything but the server alone when only the release changes", () => {
    const after = rendered({
      commit: COMMIT.replaceAll("1", "2"),
      image: "chatalot-deploy/chatalot:other",
      releaseName: "v0.23.0",
      environment: {},
      treeDirectory: "/elsewhere",
    }).services;
    const before = rendered().services;
    expect(after["chatalot"]).not.to.deep.equal(before["chatalot"]);
    expect(after["postgres"]).to.deep.equal(before["postgres"]);
  });

  for (const value of ["no", "~", "null", "0o17", "0777", "1e3", "1_000", "0x1F", "2020-01-01"]) {
    it(`keeps the value ${value} a quoted string`, () => {
      const text = renderCompose(input({ environment: { UPLOAD_QUOTA_MB: value } }));
      expect(text).to.include(`      UPLOAD_QUOTA_MB: "${value}"\n`);
    });
  }

  const hostile = [
    "a; touch PWNED",
    "$(touch PWNED)",
    "`id`",
    `it's "so"`,
    "back\\slash",
    "%s",
    "-o",
    " spaces ",
    "* & ! # : - ? |",
    "é 😀 \u2028",
    "tab\there",
    "x".repeat(1_000_000),
    "${DB_PASSWORD}",
    "$$",
  ];
  for (const value of hostile) {
    it(`carries ${JSON.stringify(value.slice(0, 30))} through literally`, () => {
      const { UPLOAD_QUOTA_MB: carried } = environmentOf(serverOf("image: x"), {
        UPLOAD_QUOTA_MB: value,
      });
      // Compose makes one dollar sign of two and sees no variable.
      expect(carried?.replaceAll("$$", "$")).to.equal(value);
      expect(carried?.replaceAll("$$", "")).not.to.include("$");
    });
  }

  it("takes an environment in the form of a list", () => {
    const text = serverOf('environment: ["A=1=2", "B", "C=$X"]');
    expect(environmentOf(text, { A: "mine" })).to.include({ A: "mine", B: null, C: "$X" });
  });

  it("names values that stand in .env without showing them", () => {
    const text = renderCompose(input({ environmentFromFile: ["VAPID_PRIVATE_KEY"] }));
    expect(text).to.include('VAPID_PRIVATE_KEY: "${VAPID_PRIVATE_KEY}"');
  });

  it("keeps from the server what the release gives to other services only", () => {
    const text = renderCompose(
      input({ environment: { TURN_PASSWORD: "x" }, environmentFromFile: ["RUST_LOG"] }),
    );
    expect(text).not.to.include("TURN_PASSWORD:");
    expect(text).to.include('RUST_LOG: "${RUST_LOG}"');
  });

  const mappings: [string, string[]][] = [
    ["ports: ['8080:8080']", ["127.0.0.1:3000:8080"]],
    ["ports: ['0.0.0.0:80:8080/tcp', '9100:9100']", ["127.0.0.1:3000:8080", "9100:9100"]],
    ["ports: ['${PORT:-8080}:8080']", ["127.0.0.1:3000:8080"]],
    ["ports: ['${ADDRESS:-::1}:80:${INNER:-8080}']", ["127.0.0.1:3000:8080"]],
    ["ports: ['[::1]:80:8080', '8080:8080/udp']", ["127.0.0.1:3000:8080", "8080:8080/udp"]],
    ["ports: ['1:1', '8080', '80:8080']", ["1:1", "127.0.0.1:3000:8080"]],
    ["ports: [{ target: 8080, published: '80' }]", ["127.0.0.1:3000:8080"]],
    ["image: x", ["127.0.0.1:3000:8080"]],
  ];
  for (const [text, ports] of mappings) {
    it(`publishes ${text} where the operator wants it`, () => {
      const file = rendered({ composeText: serverOf(text), volumes: {} });
      expect(file.services["chatalot"]?.["ports"]).to.deep.equal(ports);
    });
  }

  it("puts brackets around an IPv6 address", () => {
    const file = rendered({ listen: { address: "::1", port: 3000 } });
    expect(file.services["chatalot"]?.["ports"]).to.include("[::1]:3000:8080");
  });

  it("doesn't change another service through a shared anchor", () => {
    const file = rendered({
      volumes: {},
      composeText:
        "x-base: &base\n  environment: &env { A: '1' }\nservices:\n" +
        "  chatalot: { <<: *base, build: . }\n  postgres:\n    <<: *base\n    image: 'postgres:17'\n",
    });
    expect(file.services["postgres"]).to.deep.equal({
      environment: { A: "1" },
      image: "postgres:17",
    });
    expect(file).not.to.have.property("x-base");
  });

  it("keeps what Compose reads by rules of its own as it was written", () => {
    const text = renderCompose(
      input({ composeText: serverOf("mode: 0444\nlimit: 1_000\ninit: yes\nempty:"), volumes: {} }),
    );
    expect(text).to.match(/mode: 0444\n +limit: 1_000\n +init: yes\n +empty: null\n/);
  });

  it("finds secrets, mounts and environment files in their new places", () => {
    const file = rendered({
      volumes: {},
      composeText: `${serverOf(
        "env_file: [.env, ./common.env, { path: more.env }]\nvolumes:\n" +
          "  - ./secrets/x.pem:/x:ro\n  - ./data:/data\n  - named:/named\n  - /host:/host\n" +
          "  - { type: bind, source: conf, target: /conf }\n  - ${DATA:-./data}:/more",
      )}secrets:\n  key: { file: ./secrets/a/key.pem }\n  other: { environment: X }\n`,
    });
    const tree = "/srv/chatalot/releases/x-3/tree";
    expect(file.services["chatalot"]).to.deep.include({
      env_file: [".env", `${tree}/common.env`, { path: `${tree}/more.env` }],
      volumes: [
        "/srv/chatalot/releases/x-3/secrets/x.pem:/x:ro",
        `${tree}/data:/data`,
        "named:/named",
        "/host:/host",
        { type: "bind", source: `${tree}/conf`, target: "/conf" },
        "${DATA:-./data}:/more",
      ],
    });
    expect(file.secrets).to.deep.equal({
      key: { file: "/srv/chatalot/releases/x-3/secrets/a/key.pem" },
      other: { environment: "X" },
    });
  });

  it("tags what other services build by a rule, so that nothing is built on the way", () => {
    const file = rendered({
      volumes: {},
      composeText: `${serverOf("build: .")}  Bridge: { build: ./bridge }\n`,
    });
    expect(file.services["Bridge"]).to.deep.equal({
      image: `chatalot-deploy/chatalot-bridge:${COMMIT}`,
      pull_policy: "never",
    });
  });

  it("lists all reasons for which a file can't be deployed at once", () => {
    const text = refusal({
      composeText:
        "include: [other.yml]\nservices:\n  bridge:\n    build: ../bridge\n" +
        "    extends: { file: base.yml, service: base }\n    volumes: ['../x:/x']\n",
    });
    for (const part of [
      'no service "chatalot"',
      'no service "postgres"',
      "includes other compose files",
      "extends a service of base.yml",
      "built from ../bridge, outside",
      "bridge uses ../x, outside",
      'no volume "postgres_data"',
      'no volume "file_storage"',
    ]) {
      expect(text).to.include(part);
    }
  });

  const unreadable: [string, string, string][] = [
    ["no mapping", "- a\n", "it isn't a mapping"],
    ["nothing", "", "it isn't a mapping"],
    ["broken YAML", "services:\n  a: [\n", "can't be read"],
    ["a key given twice", "services: {}\nservices: {}\n", "can't be read"],
    ["a tag that changes the meaning", "services: !reset {}\n", "the tag !reset isn't supported"],
    ["an alias of nothing", "services: *nothing\n", "can't be read"],
    ["an alias that contains itself", "a: &a\n  b: *a\n", "can't be read"],
    ["more text than a compose file has", `a: ${"x".repeat(200_000)}`, "more than"],
    ["endless nesting", "[".repeat(100_000), "nested deeper"],
    [
      "an alias bomb",
      ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
        .concat(
          Array.from({ length: 9 }, (_, at) => {
            const inner = Array(10).fill(`*a${at}`).join(",");
            return `a${at + 1}: &a${at + 1} [${inner}]`;
          }),
        )
        .join("\n"),
      "values once its aliases are expanded",
    ],
  ];
  for (const [what, composeText, cause] of unreadable) {
    it(`refuses ${what}`, () => {
      expect(refusal({ composeText })).to.include(cause);
    });
  }

  it("refuses a server on the host's network, where no port can be bound", () => {
    const composeText = serverOf("network_mode: host");
    expect(refusal({ composeText, volumes: {} })).to.include('network_mode "host"');
  });

  describe("with digests in the place of tags", () => {
    const digest = `sha256:${"ab".repeat(32)}`;

    it("has them, and everything else as without", () => {
      const pinned = rendered({ sideImages: { postgres: `postgres:17@${digest}` } });
      expect(pinned.services["postgres"]?.["image"]).to.equal(`postgres:17@${digest}`);
      const { services } = rendered();
      expect({
        ...pinned.services,
        postgres: { ...pinned.services["postgres"], image: "postgres:17" },
      }).to.deep.equal(services);
      expect(renderCompose(input({ sideImages: {} }))).to.equal(renderCompose(input()));
    });

    it("takes a service's name for nothing but a name", () => {
      const text = serverOf('image: "chat:1"').replace(
        "postgres:",
        "constructor: { image: x }\n  postgres:",
      );
      const { services } = rendered({ composeText: text, volumes: {}, sideImages: {} });
      expect(services["constructor"]).to.deep.equal({ image: "x" });
    });

    it("refuses a digest of another tag, of the server itself, and of a service that isn't there", () => {
      const text = refusal({
        sideImages: {
          postgres: `postgres:16@${digest}`,
          chatalot: `chatalot:1@${digest}`,
          redis: `redis:7@${digest}`,
        },
      });
      for (const service of ["postgres", "chatalot", "redis"])
        expect(text).to.contain(`sideImages.${service} is for`);
    });
  });
});

describe("imagesToBuild", () => {
  it("reads context, Dockerfile, arguments, target and profiles", () => {
    const text =
      `${serverOf("build: .")}  bridge:\n    profiles: [bridge]\n    build:\n      context: ./bridge/\n` +
      "      dockerfile: ../docker/Bridge\n      target: final\n      args: { A: '1', B: }\n";
    expect(imagesToBuild(text)).to.deep.equal([
      { service: "chatalot", context: ".", dockerfile: "Dockerfile", args: {}, profiles: [] },
      {
        service: "bridge",
        context: "bridge",
        dockerfile: "docker/Bridge",
        args: { A: "1" },
        target: "final",
        profiles: ["bridge"],
      },
    ]);
  });

  for (const build of [
    "..",
    "/etc",
    "a/../..",
    "https://example.org/x.git",
    "git@example.org:x",
    "{ context: ., dockerfile: ../Dockerfile }",
    "{ context: ., dockerfile: /etc/passwd }",
    "{ context: '${WHERE}' }",
    "{ context: ., additional_contexts: { x: / } }",
    "{ context: ., ssh: [default] }",
  ]) {
    it(`refuses build: ${build}`, () => {
      expect(() => imagesToBuild(serverOf(`build: ${build}`))).to.throw(UserError, "chatalot");
    });
  }

  it("names images after the main one, also behind a registry with a port", () => {
    expect(imageFor("registry.example.org:5000/chat:abc", "def", "bridge")).to.equal(
      "registry.example.org:5000/chat-bridge:def",
    );
    expect(imageFor("chat:abc", "def", "chatalot")).to.equal("chat:abc");
  });
});
