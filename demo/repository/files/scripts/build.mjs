// Puts the server and what it embeds at build time, above all the migrations, into dist/.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";

const behaviour = existsSync("behaviour.json") ? JSON.parse(read("behaviour.json")) : {};

const version = /\[workspace\.package\][^[]*?^version = "([^"]+)"$/m.exec(read("Cargo.toml"))?.[1];
if (version === undefined) throw new Error("Cargo.toml has no version");

const migrations = readdirSync("migrations")
  .map((name) => /^(\d+)_(.+)\.sql$/.exec(name))
  .filter((match) => match !== null)
  .map(([name, number, title]) => ({
    version: Number(number),
    description: title.replaceAll("_", " "),
    sql: read(`migrations/${name}`),
  }))
  // A stale build: what came later is in the tree and not in the image.
  .filter((migration) => migration.version <= (behaviour.embedsMigrationsUpTo ?? Infinity))
  .sort((a, b) => a.version - b.version);

const webVersion = JSON.parse(read("clients/web/static/version.json")).version;
mkdirSync("dist", { recursive: true });
writeFileSync("dist/release.json", JSON.stringify({ version, webVersion, migrations, behaviour }));
copyFileSync("server/server.cjs", "dist/server.cjs");

function read(path) {
  return readFileSync(path, "utf8");
}
