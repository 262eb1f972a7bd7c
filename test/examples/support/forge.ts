import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Runner } from "./runner.ts";

const GH = fileURLToPath(new URL("gh.mjs", import.meta.url));

/** What a forge has, as far as the workflows see it. */
export interface ForgeState {
  comments: { id: number; type: "Bot" | "User"; body: string; path?: string }[];
  pulls: { number: number; state: "open" | "closed"; head: string; title: string }[];
  /** Workflows that were started: file, branch, input. */
  started: string[];
}

/** A forge, which a runner reaches by `gh`. */
export class Forge {
  private constructor(private readonly file: string) {}

  static async behind(runner: Runner, state: Partial<ForgeState> = {}): Promise<Forge> {
    const forge = new Forge(runner.at("forge.json"));
    await writeFile(
      forge.file,
      JSON.stringify({ comments: [], pulls: [], started: [], ...state } satisfies ForgeState),
    );
    await runner.program("gh", `#!/bin/sh\nFORGE='${forge.file}' exec node '${GH}' "$@"\n`);
    return forge;
  }

  async state(): Promise<ForgeState> {
    return JSON.parse(await readFile(this.file, "utf8")) as ForgeState;
  }
}
