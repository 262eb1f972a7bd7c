import { expect } from "chai";
import { parse } from "yaml";
import {
  changedNames,
  withEarlier,
  without,
  withRelease,
  withSideImages,
} from "../../../cli/run/stack-file.ts";

const FILE = `# My chat.
encryptionsalt: v1:abc
config:
  # To update, change this line.
  chatalot-deploy:release: v2
  chatalot-deploy:listen:
    port: 8080
  chatalot-deploy:env:
    REGISTRATION_MODE: open
  chatalot-deploy:profiles: turn
  chatalot-deploy:secretEnv:
    GIPHY_API_KEY:
      secure: v1:def
`;
const configOf = (text: string) => (parse(text) as { config: Record<string, unknown> }).config;
const value = (objectValue: unknown) => ({ objectValue, secret: false });

describe("withEarlier", () => {
  it("puts release, env and profiles back and leaves everything else, comments too", () => {
    const text = withEarlier(FILE, {
      release: "v1@1111111",
      env: value({ REGISTRATION_MODE: "invite_only", MAX_FILE_SIZE_MB: 250 }),
      profiles: { value: "turn,production", secret: false },
    });
    expect(text).to.contain("# My chat.").and.to.contain("# To update, change this line.");
    expect(parse(text)).to.deep.equal({
      encryptionsalt: "v1:abc",
      config: {
        ...configOf(FILE),
        "chatalot-deploy:release": "v1@1111111",
        "chatalot-deploy:env": { REGISTRATION_MODE: "invite_only", MAX_FILE_SIZE_MB: 250 },
        "chatalot-deploy:profiles": "turn,production",
      },
    });
  });

  it("keeps the comments inside of what changes, and of what doesn't", () => {
    const commented = `config:
  chatalot-deploy:release: v2 # pinned
  chatalot-deploy:env:
    # Ask before you open it.
    REGISTRATION_MODE: invite_only
    MAX_FILE_SIZE_MB: 100 # enough for videos
    RUST_LOG: debug
  chatalot-deploy:profiles:
    # Calls need it.
    - turn
    - production
  chatalot-deploy:sideImages: { coturn: "coturn/coturn:4" } # tried
`;
    const text = withEarlier(commented, {
      release: "v1",
      env: value({ REGISTRATION_MODE: "invite_only", MAX_FILE_SIZE_MB: 250, ADMIN_USERNAME: "a" }),
      profiles: value(["turn", "quick-tunnel"]),
      sideImages: value({ coturn: "coturn/coturn:4" }),
    });
    expect(text).to.equal(`config:
  chatalot-deploy:release: v1 # pinned
  chatalot-deploy:env:
    # Ask before you open it.
    REGISTRATION_MODE: invite_only
    MAX_FILE_SIZE_MB: 250 # enough for videos
    ADMIN_USERNAME: a
  chatalot-deploy:profiles:
    # Calls need it.
    - turn
    - quick-tunnel
  chatalot-deploy:sideImages: { coturn: "coturn/coturn:4" } # tried
`);
  });

  it("takes other kinds of a value than the one that is there", () => {
    const text = withEarlier(FILE.replace("env:\n    REGISTRATION_MODE: open", 'env: ""'), {
      release: "2",
      env: value({ A: "yes" }),
      profiles: value(["turn"]),
    });
    expect(configOf(text)).to.deep.include({
      "chatalot-deploy:release": "2",
      "chatalot-deploy:env": { A: "yes" },
      "chatalot-deploy:profiles": ["turn"],
    });
    // To Pulumi as well as to this: a number's place doesn't make a number of a text.
    const number = withRelease(FILE.replace("release: v2", "release: 7"), "8", 12);
    expect(number).to.contain('release: "8"').and.to.contain("retry: 12");
  });

  it("removes what was not set then, and keeps what nobody knows", () => {
    const removed = configOf(
      withEarlier(FILE, { release: "v1", env: value({}), profiles: { value: "", secret: false } }),
    );
    expect(removed).to.not.have.any.keys("chatalot-deploy:env", "chatalot-deploy:profiles");
    const kept = configOf(withEarlier(FILE, { release: "v1" }));
    expect(kept).to.deep.equal({ ...configOf(FILE), "chatalot-deploy:release": "v1" });
  });

  it("has the way for the database in it only where there is one", () => {
    const run = { database: "backup" as const, job: 7 };
    const text = withEarlier(FILE, { release: "v1" }, run);
    expect(configOf(text)["chatalot-deploy:rollback"]).to.deep.equal(run);
    expect(without(text, "rollback")).to.equal(withEarlier(FILE, { release: "v1" }));
    expect(configOf(withEarlier(text, { release: "v1" }))).to.not.have.any.keys(
      "chatalot-deploy:rollback",
    );
  });

  it("quotes what Pulumi would take for a number or a boolean", () => {
    expect(withEarlier(FILE, { release: "1234567" })).to.match(/release: "1234567"/);
    const text = withEarlier(FILE, { release: "v1", env: value({ A: "yes", B: "0x1f" }) });
    expect(text).to.contain('A: "yes"').and.to.contain('B: "0x1f"');
  });
});

describe("withSideImages", () => {
  const [old, next] = ["a", "b"].map((digit) => `sha256:${digit.repeat(64)}`);

  it("sets the digests of some services and leaves everything else, comments too", () => {
    const first = withSideImages(FILE, { postgres: `postgres:17@${old}` });
    expect(configOf(first)).to.deep.equal({
      ...configOf(FILE),
      "chatalot-deploy:sideImages": { postgres: `postgres:17@${old}` },
    });
    expect(first).to.contain("# To update, change this line.");
    const second = withSideImages(first, { coturn: `coturn/coturn:4@${next}` }, 7);
    expect(configOf(second)).to.deep.include({
      "chatalot-deploy:sideImages": {
        postgres: `postgres:17@${old}`,
        coturn: `coturn/coturn:4@${next}`,
      },
      "chatalot-deploy:retry": 7,
    });
    expect(configOf(withSideImages(second, { postgres: `postgres:17@${next}` }))).to.deep.include({
      "chatalot-deploy:sideImages": {
        postgres: `postgres:17@${next}`,
        coturn: `coturn/coturn:4@${next}`,
      },
    });
  });

  it("takes an empty setting for none", () => {
    const empty = FILE.replace("config:", 'config:\n  chatalot-deploy:sideImages: ""');
    const text = withSideImages(empty, { postgres: `postgres:17@${old}` });
    expect(configOf(text)["chatalot-deploy:sideImages"]).to.deep.equal({
      postgres: `postgres:17@${old}`,
    });
  });

  it("goes back with an earlier update", () => {
    const pinned = withSideImages(FILE, { postgres: `postgres:17@${next}` });
    const before = { sideImages: value({ postgres: `postgres:17@${old}` }) };
    expect(configOf(withEarlier(pinned, { release: "v1", ...before }))).to.deep.include({
      "chatalot-deploy:sideImages": { postgres: `postgres:17@${old}` },
    });
    const unset = withEarlier(pinned, { release: "v1", sideImages: { value: "", secret: false } });
    expect(configOf(unset)).not.to.have.property("chatalot-deploy:sideImages");
  });
});

describe("changedNames", () => {
  it("names variables and profiles that come, go or change", () => {
    const before = value({ A: "1", B: "2", C: "3" });
    expect(changedNames(before, value({ A: "1", B: "9", D: "4" }))).to.deep.equal(["B", "C", "D"]);
    expect(changedNames({ value: "turn,x", secret: false }, value(["turn"]))).to.deep.equal(["x"]);
    expect(changedNames(undefined, { value: "", secret: false })).to.deep.equal([]);
  });
});
