/** The steps of an update as a page shows them: what is done, for how long, and whether the chat is away. */
import { describeMilliseconds } from "../../common/duration.ts";
import { replacementName } from "../../updater/texts.ts";
import type { Report } from "./report.ts";

export interface ReportedStep {
  title: string;
  /** How long, as far as it is known. */
  duration: string;
  text: string;
  isAway: boolean;
}

const UNKNOWN = "not known yet";

export function reportedSteps({ plan, gate }: Report): ReportedStep[] {
  const { imageIsThere, last, database, replacement } = plan;
  const pending = database?.pending.length ?? 0;
  const before = (milliseconds: number | undefined): string =>
    milliseconds === undefined ? UNKNOWN : `${describeMilliseconds(milliseconds)} last time`;
  const revertPoint = {
    title: "Copy the database",
    duration: UNKNOWN,
    text: "Beside the live one, for the way back. Files are copied, a gigabyte takes some seconds.",
    isAway: true,
  };
  const other = replacement === undefined ? undefined : replacementSteps(replacement);
  return [
    {
      title: "Check",
      duration: "seconds",
      text: "Disk, memory, ports, the database and its migrations. What can't work is refused here.",
      isAway: false,
    },
    {
      title: imageIsThere ? "The image is there" : "Get the image",
      duration: imageIsThere ? "no time" : UNKNOWN,
      text: imageIsThere
        ? "It was made before."
        : "It is built or pulled beside the server that serves.",
      isAway: false,
    },
    {
      title: "Back up, and prove it",
      duration: before(last.backup),
      text: "The whole database; where the database changes it is restored into a throwaway one and compared.",
      isAway: false,
    },
    ...(other === undefined ? [] : [other.preparation]),
    {
      title: "Stop the old server",
      duration: "seconds",
      text: "Nobody can write from here on, so that nothing that was written can be lost.",
      isAway: true,
    },
    ...(other !== undefined ? [other.exchange] : pending > 0 ? [revertPoint] : []),
    {
      title: pending > 0 ? "Start the new server; it migrates" : "Start the new server",
      duration: before(last.away),
      text:
        pending > 0
          ? `Its migrations may take ${gate.migrationTimeout}, its start ${gate.timeout}.`
          : `Its start may take ${gate.timeout}.`,
      isAway: true,
    },
    {
      title: "Prove it healthy",
      duration: gate.mustStayGoodFor,
      text: "Health, database, image and migrations, again and again. Else everything is taken back.",
      isAway: pending > 0 || other !== undefined,
    },
    {
      title: "Done",
      duration: "no time",
      text: "The update is final. Old releases and copies are removed by the numbers that are set.",
      isAway: false,
    },
  ];
}

/** How another database takes the live one's place: while the chat serves, and while it is away. */
function replacementSteps(
  replacement: NonNullable<Report["plan"]["replacement"]>,
): Record<"preparation" | "exchange", ReportedStep> {
  const byScripts = replacement.way === "undo-scripts";
  return {
    preparation: {
      title: "Make the other database",
      duration: UNKNOWN,
      text: byScripts
        ? "Your undo scripts are tried on a copy that is restored from the backup just taken."
        : `It is made of ${replacementName(replacement)}, beside the live one, and compared.`,
      isAway: false,
    },
    exchange: {
      title: "Put the other database in its place",
      duration: byScripts ? UNKNOWN : "seconds",
      text: byScripts
        ? "The scripts are run on a copy, which takes the live one's place; that one stays under another name."
        : "The two change names; the one of now stays under another one.",
      isAway: true,
    },
  };
}
