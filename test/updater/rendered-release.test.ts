import { expect } from "chai";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { instancePaths } from "../../updater/paths.ts";
import { render, type Rendered, type Rendering } from "../../updater/rendered-release.ts";
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

  async function renderedAs(name: string): Promise<Rendering> {
    const paths = instancePaths(directory());
    const tree = join(paths.trees, NEW_COMMIT);
    await mkdir(tree, { recursive: true });
    await writeFile(join(tree, "docker-compose.yml"), COMPOSE);
    const request: Rendered = {
      project: "chat",
      release: { ...release(NEW_COMMIT), name },
      configuration: CONFIGURATION,
    };
    const secrets = {
      databasePassword: "p".repeat(32),
      totpEncryptionKey: "0".repeat(64),
      ...{ jwtPrivateKey: "private", jwtPublicKey: "public" },
    };
    return render(paths, request, `x:${NEW_COMMIT}`, secrets, join(directory(), "secrets"));
  }
});
