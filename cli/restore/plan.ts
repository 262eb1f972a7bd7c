/** What a restore would do, for the operator to read before it is done. */
import { describeBytes } from "../../common/size.ts";
import { counted } from "../../common/text.ts";
import type { BackupManifest } from "../../updater/backups.ts";
import type { Loss } from "../../updater/history-protocol.ts";
import { releaseText } from "../../updater/texts.ts";
import { lossText } from "../rollback/plan.ts";

export interface RestorePlan {
  name: string;
  manifest: BackupManifest;
  /** The server for people. */
  target: string;
  /** What serves there. */
  serving: { name: string; commit: string } | undefined;
  /** The folder that it is brought from; undefined: the server has it. */
  from: string | undefined;
  /** What is not in the chat afterwards; undefined where that is not known. */
  loss: Loss | undefined;
}

/** One fact a line. */
export function planText(plan: RestorePlan): string[] {
  const { name, manifest, target, serving, from } = plan;
  const { release, takenAt, proof, dump, files } = manifest;
  const now = serving === undefined ? "nothing" : releaseText(serving);
  const facts: [string, string][] = [
    ["RESTORE", `${name} of ${releaseText(release)} -> ${target}, where ${now} serves`],
    [
      "Taken",
      `${takenAt}, ${proof === undefined ? "not proven yet" : `proven ${proof.restoredAt}`}`,
    ],
    [
      "Database",
      `${describeBytes(dump.size)}, compared with what was dumped before anything is stopped`,
    ],
    [
      "Uploads",
      files === undefined
        ? "none: the backup has the database alone"
        : `${counted(files.count, "file")} with the configuration, ${describeBytes(files.size)}; what is missing is put back`,
    ],
    ...(from === undefined ? [] : [["From", from] as [string, string]]),
    ...(serving === undefined
      ? []
      : [
          ["Kept", "the database of now under another name; newer uploads"] as [string, string],
          ...lossText(plan.loss).map((text): [string, string] => ["Left out", text]),
          ["Failure", `${now} comes back by itself, with its database`] as [string, string],
        ]),
  ];
  return facts.map(([label, text]) => `${label.padEnd(10)}${text}`);
}
