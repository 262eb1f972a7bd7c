import { expect } from "chai";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type InstancePaths, instancePaths, OVERRIDE_FILE } from "../../updater/paths.ts";
import {
  render,
  type Rendered,
  type Rendering,
  writeRelease,
} from "../../updater/rendered-release.ts";
import { NEW_COMMIT, release } from "./samples.ts";
import { useTemporaryDirectory } from "./temporary.ts";

const COMPOSE = `
services:
  chatalot:
    image: chatalot
    build: .
    labels:
      chatalot-deploy.release: from upstream
  postgres:
    image: postgres:17
volumes:
  postgres_data:
  file_storage:
`;

const CONFIGURATION: Rendered["configuration"] = {
  ...{ env: {}, secretEnv: {}, profiles: [], whenItFails: "revert" },
  listen: { address: "127.0.0.1", port: 8080 },
  ...{ databaseVolume: "chat_postgres_data", filesVolume: "chat_file_storage" },
};

const SECRETS = {
  databasePassword: "p".repeat(32),
  totpEncryptionKey: "0".repeat(64),
  ...{ jwtPrivateKey: "private", jwtPublicKey: "public" },
};

describe("render", () => {
  const directory = useTemporaryDirectory();

  it("makes the same of a release that is named by tag, by commit or by both", async () => {
    const [tag, both] = [await renderedAs("v1.1.0"), await renderedAs(`v1.1.0@${NEW_COMMIT}`)];
    expect(tag.compose).to.contain('chatalot-deploy.release: "v1.1.0"');
    expect(both).to.deep.equal(tag);
    const short = await renderedAs(NEW_COMMIT.slice(0, 7));
    expect(short.compose).to.contain(`chatalot-deploy.release: "${NEW_COMMIT}"`);
    expect(await renderedAs(NEW_COMMIT)).to.deep.equal(short);
  });

  it("keeps nothing in a job's folder of a submission that came to no job", async () => {
    const paths = await treeIsThere();
    const override = join(paths.directory, OVERRIDE_FILE);
    await writeFile(override, "services: {}\n");
    const write = () => writeRelease(paths, request("v1.1.0"), "x", SECRETS, 4);
    const folder = join(paths.directory, await write());
    expect(await readdir(folder)).to.include(OVERRIDE_FILE);
    await rm(override);
    expect(join(paths.directory, await write())).to.equal(folder);
    expect(await readdir(folder)).to.have.members([".env", "compose.yaml", "secrets"]);
  });

  async function treeIsThere(): Promise<InstancePaths> {
    const paths = instancePaths(directory());
    const tree = join(paths.trees, NEW_COMMIT);
    await mkdir(tree, { recursive: true });
    await writeFile(join(tree, "docker-compose.yml"), COMPOSE);
    return paths;
  }

  async function renderedAs(name: string): Promise<Rendering> {
    const paths = await treeIsThere();
    return render(paths, request(name), `x:${NEW_COMMIT}`, SECRETS, join(directory(), "secrets"));
  }

  function request(name: string): Rendered {
    return {
      project: "chat",
      release: { ...release(NEW_COMMIT), name },
      configuration: CONFIGURATION,
    };
  }
});
