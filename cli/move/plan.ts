/** What a move would do, for the operator to read before it is done. */
import { describeBytes } from "../../common/size.ts";

export interface MovePlan {
  /** The servers for people. */
  from: string;
  to: string;
  /** The release that serves, with its commit. */
  release: string;
  /** Bytes of the database; undefined where it can't be asked. */
  databaseSize: number | undefined;
  /** The folder of this machine that the backup is put into. */
  folder: string;
  /** Where people reach the chat; undefined where that is not set. */
  url: string | undefined;
  /** The operator's own files in the old server's directory. */
  own: readonly string[];
  /** That directory. */
  directory: string;
}

/** One fact a line. */
export function movePlanText(plan: MovePlan): string[] {
  const { from, to, release, databaseSize, folder, url, own, directory } = plan;
  const size = databaseSize === undefined ? "" : ` of ${describeBytes(databaseSize)}`;
  const yours = [
    ...(own.length === 0
      ? []
      : [`${own.join(", ")}: put a copy into ${directory} of ${to} first; nothing else brings it`]),
    ...(url === undefined ? [] : [`${url} has to lead to ${to} afterwards`]),
  ];
  const facts: [string, string][] = [
    ["MOVE", `${release}, from ${from} to ${to}, where nothing is yet`],
    ["Away", `while its database${size} and all uploads come here and go there: CHAT IS AWAY`],
    ["Backup", `stays in ${folder} of this machine, with everything that was said, and the keys`],
    ["Failure", `the chat is started again on ${from}, as it is`],
    ["Left", `on ${from}: its volumes, backups and releases, and nothing that runs`],
    ...yours.map((text): [string, string] => ["Yours", text]),
  ];
  return facts.map(([label, text]) => `${label.padEnd(10)}${text}`);
}
