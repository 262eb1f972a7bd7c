import { expect } from "chai";
import { execa } from "execa";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a module in a process of its own: what is loaded is the same for a whole process. */
async function run(text: string): Promise<unknown> {
  const start = `
    import { createRequire } from "node:module";
    import { keepSdkLean } from "./launch/lean-sdk.mjs";
    const require = createRequire(process.cwd() + "/x.js");
    const loaded = (name) => (require.cache[require.resolve(name)]?.children.length ?? 0) > 0;
    keepSdkLean();
    const pulumi = require("@pulumi/pulumi");
  `;
  const argv = ["--input-type=module", "--eval", start + text];
  const { stdout } = await execa("node", argv, { cwd: ROOT });
  return JSON.parse(stdout);
}

describe("keepSdkLean", () => {
  it("keeps the SDK from loading what reads functions as code", async () => {
    const answer = await run(`
      const files = Object.keys(require.cache);
      console.log(JSON.stringify({
        sdk: typeof pulumi.CustomResource,
        others: files.filter((file) => /node_modules\\/(pacote|sigstore)\\//.test(file)),
        resolver: loaded("@npmcli/arborist"),
        automation: loaded("@pulumi/pulumi/automation"),
      }));
    `);
    expect(answer).to.deep.equal({
      ...{ sdk: "function", others: [], resolver: false, automation: false },
    });
  });

  it("leaves the SDK whole for who does that", async () => {
    const answer = await run(`
      const { text } = await pulumi.runtime.serializeFunction(() => 42);
      console.log(JSON.stringify({ isCode: text.includes("42"), resolver: typeof require("@npmcli/arborist").Node }));
    `);
    expect(answer).to.deep.equal({ isCode: true, resolver: "function" });
  });

  it("leaves it whole for who finds the packages of functions", async () => {
    const answer = await run(`
      const paths = await pulumi.runtime.computeCodePaths({ extraIncludePackages: ["semver"] });
      console.log(JSON.stringify([...paths.keys()].filter((path) => path.endsWith("/semver"))));
    `);
    expect(answer).to.deep.equal(["node_modules/semver"]);
  });

  it("leaves it whole for who runs Pulumi by it", async () => {
    const answer = await run(`
      const { LocalWorkspace } = pulumi.automation;
      console.log(JSON.stringify({ workspace: typeof LocalWorkspace.create, loaded: loaded("@pulumi/pulumi/automation") }));
    `);
    expect(answer).to.deep.equal({ workspace: "function", loaded: true });
  });
});
