import { writeFile } from "node:fs/promises";
import { expect } from "chai";
import { secretValues, withoutSecrets } from "../../updater/hidden-secrets.ts";
import { useTemporaryDirectory } from "./temporary.ts";

const PASSWORD = "p4ssw0rd-of-the-database";
const TOKEN = 'a token with $HOME "quotes" & more';

describe("what a server says before it fails", () => {
  const temporary = useTemporaryDirectory();
  let secrets: string[];

  beforeEach(async () => {
    const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----\n";
    const own = { databasePassword: PASSWORD, jwtPrivateKey: key };
    await writeFile(temporary("secrets.json"), JSON.stringify(own));
    const compose =
      "services:\n  chatalot:\n    environment:\n      GIPHY_API_KEY: ${GIPHY_API_KEY}\n" +
      "      DATABASE_URL: postgres://chatalot:${DB_PASSWORD}@postgres/chatalot\n" +
      "      ADMIN_USERNAME: plain-name-$$HOME\n  none: {}\n";
    await writeFile(temporary("compose.yaml"), compose);
    const url = `postgres://chatalot:${PASSWORD}@postgres/chatalot`;
    secrets = await secretValues(
      { secretsFile: temporary("secrets.json") },
      [
        `GIPHY_API_KEY=${TOKEN}`,
        `DATABASE_URL=${url}`,
        "ADMIN_USERNAME=plain-name-$HOME",
        "PATH=/usr/bin:/bin",
      ],
      temporary("compose.yaml"),
    );
  });

  it("has no secret in whatever spelling, and everything else as it was", () => {
    for (const spelling of [
      ...[TOKEN, JSON.stringify(TOKEN), encodeURIComponent(TOKEN)],
      ...[Buffer.from(TOKEN).toString("base64"), Buffer.from(TOKEN).toString("hex")],
      ...[PASSWORD, "MC4CAQAwBQYDK2VwBCIEIA", `postgres://chatalot:${PASSWORD}@postgres/chatalot`],
    ])
      expect(withoutSecrets(`before ${spelling} after`, secrets)).to.match(
        /^before "?\(hidden\)"? after$/,
      );
    const plain = "ADMIN_USERNAME=plain-name-$HOME PATH=/usr/bin:/bin thread panicked at main.rs:7";
    expect(withoutSecrets(plain, secrets)).to.equal(plain);
  });

  it("keeps what is too short to be a secret", () => {
    expect(withoutSecrets("port 8080 of a", ["8080", "a", ""])).to.equal("port 8080 of a");
  });
});
