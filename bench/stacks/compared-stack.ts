/** Stacks that ours are compared with, each in a folder of its own. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { REQUIRE } from "../../provider/server/updater-bundle.ts";
import { ensureToolchain } from "../../toolchain/index.ts";

/** With a package.json of its own: Pulumi runs the `main` of the nearest one. */
const EMPTY_PROGRAM = fileURLToPath(new URL("../empty-program", import.meta.url));
const PLUGINS_PROGRAM = fileURLToPath(new URL("../plugins-program/index.ts", import.meta.url));
const LEAN_SDK = new URL("../../launch/lean-sdk.mjs", import.meta.url).href;
const PACKAGES = fileURLToPath(new URL("../../node_modules/.cache", import.meta.url));
const PROJECT_FILE = fileURLToPath(new URL("../../Pulumi.yaml", import.meta.url));

/** The engine, the kind of backend and the Node are those of ours. */
export class ComparedStack {
  private constructor(
    private readonly folder: string,
    private readonly environment: Record<string, string>,
    /** Made for this stack, and removed with it. */
    private readonly program?: string,
  ) {}

  /** A program without a resource. */
  static empty(): Promise<ComparedStack> {
    return ComparedStack.make("empty", EMPTY_PROGRAM);
  }

  /** A program with the resources of other packages that ours has, bundled as ours is. */
  static async plugins(): Promise<ComparedStack> {
    // Below node_modules, so that the SDK is found from there.
    const program = await mkdtemp(join(PACKAGES, "bench-plugins-"));
    await build({
      entryPoints: [PLUGINS_PROGRAM],
      outfile: join(program, "program.js"),
      ...{ bundle: true, platform: "node", format: "esm", logLevel: "silent", banner: REQUIRE },
      external: ["@pulumi/pulumi", "@pulumi/pulumi/*"],
    });
    const main =
      `import { keepSdkLean } from ${JSON.stringify(LEAN_SDK)};\n` +
      'keepSdkLean();\nawait import("./program.js");\n';
    await writeFile(join(program, "main.mjs"), main);
    await writeFile(join(program, "package.json"), '{ "type": "module", "main": "main.mjs" }\n');
    return ComparedStack.make("plugins", program, program);
  }

  private static async make(name: string, main: string, program?: string): Promise<ComparedStack> {
    const { environment } = await ensureToolchain(() => undefined);
    const folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-bench-"));
    // The same loader as ours.
    const { runtime } = parse(await readFile(PROJECT_FILE, "utf8")) as { runtime: unknown };
    await writeFile(
      join(folder, "Pulumi.yaml"),
      stringify({ name: `chatalot-deploy-${name}`, main, runtime }),
    );
    const settings = {
      ...environment,
      PULUMI_BACKEND_URL: `file://${folder}`,
      PULUMI_CONFIG_PASSPHRASE: "nothing is secret here",
    };
    const stack = new ComparedStack(folder, settings, program);
    await stack.run("stack", "init", name);
    return stack;
  }

  async run(...argv: readonly string[]): Promise<void> {
    await execa("pulumi", argv, {
      cwd: this.folder,
      env: this.environment,
      stdin: "ignore",
      timeout: 300_000,
    });
  }

  async remove(): Promise<void> {
    try {
      if (this.program !== undefined)
        await this.run("destroy", "--yes", "--non-interactive", "--skip-preview");
    } finally {
      await rm(this.folder, { recursive: true, force: true });
      if (this.program !== undefined) await rm(this.program, { recursive: true, force: true });
    }
  }
}
