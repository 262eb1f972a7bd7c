import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { checkout } from "../../../common/checkout.ts";
import { parse } from "yaml";
import { backendOf } from "../../../cli/init/backend.ts";
import {
  checkFolder,
  checkStack,
  PROJECT,
  variablesOf,
  writeStack,
} from "../../../cli/init/folder.ts";
import { FakePulumi } from "../support/fake-pulumi.ts";

const FILES = backendOf({});

describe("the folder of init", () => {
  let folder: string;

  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "chatalot-deploy-folder-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("can be a new or an empty one", () => {
    checkFolder(join(folder, "new"), FILES);
    checkFolder(folder, FILES);
  });

  it("is refused where it is a file, or has other files in it", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => checkFolder(join(folder, "file"), FILES)).to.throw("is a file");
    expect(() => checkFolder(folder, FILES)).to.throw("has other files in it");
  });

  it("is refused where it belongs to another project or another clone", () => {
    for (const project of ["name: mine\nmain: .\n", PROJECT.replace(checkout, "/elsewhere")]) {
      writeFileSync(join(folder, "Pulumi.yaml"), project);
      expect(() => checkFolder(folder, FILES)).to.throw("Choose another folder");
    }
  });

  it("is refused where its state is elsewhere than the shell says", () => {
    writeFileSync(join(folder, "Pulumi.yaml"), PROJECT);
    expect(() => checkFolder(folder, FILES)).to.throw(`Run this command after ". ${folder}/env"`);
  });

  it("never gives a name of a stack that is there", () => {
    writeFileSync(join(folder, "Pulumi.chat.yaml"), "");
    expect(() => checkStack(folder, "chat")).to.throw("is there already");
    checkStack(folder, "other");
  });

  it("leads to the program of the clone, run as the clone itself runs it", () => {
    const own = parse(readFileSync(join(checkout, "Pulumi.yaml"), "utf8")) as Project;
    const made = parse(PROJECT) as Project & { main: string };
    expect(made).to.deep.include({ name: own.name, runtime: own.runtime, main: checkout });
    const plugins = own.plugins.providers.map(({ name, path }) => ({
      ...{ name, path: join(checkout, path) },
    }));
    expect(made.plugins.providers).to.deep.equal(plugins);
  });
});

describe("the command in the folder of init", () => {
  const pulumi = new FakePulumi();
  beforeEach(() => pulumi.arrive());
  afterEach(() => pulumi.leave());

  it("runs in its folder, and takes paths from where it was called", async () => {
    const [folder, elsewhere] = [join(process.cwd(), "chat"), join(process.cwd(), "a folder")];
    mkdirSync(elsewhere);
    const settings = {
      ...{ release: "v1", repository: "/repository", server: null, directory: "/srv/chatalot" },
      ...{ listen: { address: "127.0.0.1", port: 8080 }, registration: "closed" },
      prepareServer: false,
    };
    await writeStack(folder, "chat", settings, FILES);
    const argv = ["backup", "decrypt", "copy", "--identity", "key"];
    const run = await execa(join(folder, "chatalot"), argv, { cwd: elsewhere, reject: false });
    expect(run.exitCode).to.equal(1);
    expect(run.stderr).to.contain(`${elsewhere}/`);
    expect(run.stderr).not.to.contain(folder);
  });
});

interface Project {
  name: string;
  runtime: unknown;
  plugins: { providers: { name: string; path: string }[] };
}

describe("the backend of init", () => {
  it("is in the folder, with a passphrase, where the environment names none", () => {
    expect(variablesOf(backendOf({}), "/home/me/chat")).to.deep.equal({
      PULUMI_BACKEND_URL: "file:///home/me/chat/state",
      PULUMI_CONFIG_PASSPHRASE_FILE: "/home/me/chat/passphrase",
    });
  });

  it("is the one that the environment names", () => {
    const backend = backendOf({ PULUMI_BACKEND_URL: "s3://state", PULUMI_CONFIG_PASSPHRASE: "x" });
    expect(variablesOf(backend, "/x")).to.deep.equal({ PULUMI_BACKEND_URL: "s3://state" });
  });

  it("needs no passphrase where it has keys of its own", () => {
    const backend = backendOf({ PULUMI_BACKEND_URL: "https://api.pulumi.com" });
    expect(backend.passphrase).to.equal("none");
  });
});
