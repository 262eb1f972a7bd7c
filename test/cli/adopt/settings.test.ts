import { expect } from "chai";
import { settingsOfFound } from "../../../cli/adopt/settings.ts";
import type { FoundChat } from "../../../updater/adopt/protocol.ts";

const COMPOSE = `
services:
  chatalot:
    build: .
    environment:
      REGISTRATION_MODE: \${REGISTRATION_MODE:-invite_only}
      GIPHY_API_KEY: \${GIPHY_API_KEY:-}
      PUBLIC_URL: \${PUBLIC_URL:-}
      NEW_IN_CHATALOT: \${NEW_IN_CHATALOT:-}
      NEW_API_KEY: \${NEW_API_KEY:-}
      MAX_FILE_SIZE_MB: "100"
  postgres:
    image: postgres:17
  cloudflared:
    image: cloudflared
    profiles: [production]
    environment: { TUNNEL_TOKEN: "\${CLOUDFLARE_TUNNEL_TOKEN:-}" }
`;

function found(variables: Record<string, string>, changes: Partial<FoundChat> = {}) {
  const chat = { directory: "/srv/chatalot", effective: [], services: [], ...changes };
  return settingsOfFound({ ...chat, variables }, COMPOSE, "chatalot");
}

describe("the settings of a chat as it was found", () => {
  it("are what its .env has: plain, secret, and its address", () => {
    const { env, secretEnv, url, leftOut } = found({
      REGISTRATION_MODE: "open",
      GIPHY_API_KEY: "topsecret",
      CLOUDFLARE_TUNNEL_TOKEN: "topsecret too",
      PUBLIC_URL: "https://chat.example.org",
    });
    expect(env).to.deep.equal({ REGISTRATION_MODE: "open" });
    expect(secretEnv).to.deep.equal({
      GIPHY_API_KEY: "topsecret",
      CLOUDFLARE_TUNNEL_TOKEN: "topsecret too",
    });
    expect(url).to.equal("https://chat.example.org");
    expect(leftOut).to.deep.equal([]);
  });

  it("name the volumes that have not the usual names", () => {
    const files = { filesVolume: "chatalot_file_storage" };
    expect(found({}, { databaseVolume: "my_messages", ...files }).volumes).to.deep.equal({
      database: "my_messages",
    });
    expect(found({}, { databaseVolume: "chatalot_postgres_data", ...files }).volumes).to.deep.equal(
      {},
    );
    // Data in a folder of the host are in no volume, which the server refuses.
    expect(found({}).volumes).to.deep.equal({});
  });

  it("never have what this tool sets itself, nor what is empty", () => {
    const { env, secretEnv, moreEnv, leftOut } = found({
      DB_PASSWORD: "topsecret",
      TOTP_ENCRYPTION_KEY: "topsecret",
      COMPOSE_PROJECT_NAME: "chat",
      REGISTRATION_MODE: "",
    });
    expect([env, secretEnv, moreEnv, leftOut]).to.deep.equal([{}, {}, [], []]);
  });

  it("have what this version doesn't know, where the release uses it", () => {
    const { env, secretEnv, moreEnv } = found({ NEW_IN_CHATALOT: "1", NEW_API_KEY: "topsecret" });
    expect(env).to.deep.equal({ NEW_IN_CHATALOT: "1" });
    expect(secretEnv).to.deep.equal({ NEW_API_KEY: "topsecret" });
    expect(moreEnv).to.deep.equal(["NEW_IN_CHATALOT", "NEW_API_KEY"]);
  });

  it("leave out what would change what runs, with the reason and without a secret", () => {
    const { env, url, leftOut } = found({
      MAX_FILE_SIZE_MB: "250",
      REGISTRATION_MODE: "everybody",
      PUBLIC_URL: "https://chat.example.org/path",
    });
    expect(env).to.deep.equal({});
    expect(url).to.equal(undefined);
    expect(leftOut).to.have.length(3);
    expect(leftOut[0]).to.equal("MAX_FILE_SIZE_MB: nothing that runs uses it");
    expect(leftOut[1]).to.match(/^REGISTRATION_MODE: expected /);
    expect(
      found({ MAX_FILE_SIZE_MB: "250" }, { effective: ["MAX_FILE_SIZE_MB"] }).env,
    ).to.deep.equal({
      MAX_FILE_SIZE_MB: "250",
    });
  });

  it("have the profiles of the services that run, and where it is published", () => {
    const listen = { address: "0.0.0.0", port: 8080 };
    const settings = found({}, { services: ["cloudflared"], listen });
    expect(settings.profiles).to.deep.equal(["production"]);
    expect(settings.listen).to.deep.equal(listen);
  });
});
