import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import * as z from "zod";
import { withRelease } from "../../cli/run/stack-file.ts";
import { withSettings } from "../../cli/init/stack-file.ts";
import { release } from "../../settings/values.ts";
import { example } from "./support/gitops.ts";

const configuration = z
  .looseObject({
    customManagers: z.tuple([
      z.strictObject({
        ...{ description: z.string(), customType: z.literal("regex") },
        managerFilePatterns: z.tuple([z.string().regex(/^\/.*\/$/)]),
        matchStrings: z.tuple([z.string()]),
        ...{ depNameTemplate: z.string(), packageNameTemplate: z.string() },
        ...{ datasourceTemplate: z.literal("github-tags"), versioningTemplate: z.string() },
      }),
    ]),
    packageRules: z.array(z.looseObject({ matchDepNames: z.array(z.string()) })),
  })
  .parse(JSON.parse(readFileSync(join(example, "renovate.json"), "utf8")));
const [manager] = configuration.customManagers;

const ONE = "1".repeat(39) + "a";
const OTHER = "2".repeat(39) + "b";

/** As `chatalot init` writes it. */
const STACK_FILE = withSettings("encryptionsalt: v1:abc\n", {
  ...{ release: "v0.22.5", repository: "https://github.com/purpleneutral/chatalot.git" },
  ...{ server: null, directory: "/srv/chatalot", url: "https://chat.example.org" },
  ...{ listen: { address: "127.0.0.1", port: 8080 }, registration: "invite_only" },
  prepareServer: false,
});

/** What Renovate finds in a file: it looks for each match, and takes its named groups. */
function found(text: string): Record<string, string>[] {
  return [...text.matchAll(new RegExp(manager.matchStrings[0], "g"))].map(({ groups }) => ({
    ...groups,
  }));
}

/** As Renovate changes a file: old for new within the match, and nothing else. */
function bumped(text: string, value: string, digest: string): string {
  return text.replace(new RegExp(manager.matchStrings[0]), (match, from: string, old: string) =>
    match.replace(from, value).replace(old, digest),
  );
}

describe("the example for Renovate", () => {
  it("finds tag and commit where the stack file was pinned, also when pinned again", () => {
    for (const [tag, commit] of [
      ["v0.22.6", ONE],
      ["v0.23.0", OTHER],
      ["v1.0.0-rc.1+build.5", ONE],
      ["1e5", OTHER],
      ["release/2026-11", ONE],
    ] as const) {
      const once = withRelease(STACK_FILE, `${tag}@${commit}`);
      const again = withRelease(withRelease(STACK_FILE, `v0.1.0@${OTHER}`), `${tag}@${commit}`, 12);
      for (const text of [once, again])
        expect(found(text)).to.deep.equal([{ currentValue: tag, currentDigest: commit }]);
    }
  });

  it("finds it in quotes as well, and in a file that Pulumi wrote", () => {
    for (const quote of ["", '"', "'"])
      expect(
        found(`config:\n  chatalot-deploy:release: ${quote}v1.0.0@${ONE}${quote}\n`),
      ).to.deep.equal([{ currentValue: "v1.0.0", currentDigest: ONE }]);
  });

  it("leaves alone what isn't pinned whole, and other settings", () => {
    for (const value of ["v0.22.6", ONE, "v0.22.6@2d55427", `v0.22.6@${ONE}0`, ""])
      expect(found(withRelease(STACK_FILE, value)), value).to.deep.equal([]);
    expect(found(`  chatalot-deploy:breakingChangesReadUpTo: v1.0.0@${ONE}\n`)).to.deep.equal([]);
  });

  it("makes of it what our own command would have made", () => {
    const before = withRelease(STACK_FILE, `v0.22.6@${ONE}`);
    const after = bumped(before, "v0.23.0", OTHER);
    expect(after).to.equal(withRelease(STACK_FILE, `v0.23.0@${OTHER}`));
    const { config } = parse(after) as { config: Record<string, unknown> };
    expect(release.parse(config["chatalot-deploy:release"])).to.equal(`v0.23.0@${OTHER}`);
  });

  it("is read by RE2, which has no look-around and no references back", () => {
    expect(manager.matchStrings[0]).to.not.match(/\(\?(?:[=!]|<[=!])|\\[1-9]|\\k</);
  });

  it("looks into stack files and into nothing else", () => {
    const pattern = new RegExp(manager.managerFilePatterns[0].slice(1, -1));
    for (const name of ["Pulumi.chat.yaml", "Pulumi.my-chat.yml", "chats/Pulumi.chat.yaml"])
      expect(name).to.match(pattern);
    for (const name of ["Pulumi.yaml", "XPulumi.chat.yaml", "Pulumi.chat.yaml.bak"])
      expect(name).to.not.match(pattern);
  });

  it("never merges by itself, and follows no tag that was moved", () => {
    const rules = configuration.packageRules.filter(({ matchDepNames }) =>
      matchDepNames.includes(manager.depNameTemplate),
    );
    expect(rules).to.have.length(2);
    expect(rules[0]).to.include({ automerge: false });
    expect(rules[1]).to.deep.include({ matchUpdateTypes: ["digest"], enabled: false });
  });
});
