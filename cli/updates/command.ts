/** The commands `updates` and `update`. */
import type { Command } from "commander";
import { setExitCode, UsageError } from "../exit-codes.ts";
import { show, terminalContext } from "../terminal.ts";
import { pinRelease, readUpdates, update, type UpdateOptions } from "../updates.ts";
import { describeUpdates, whyNone } from "./list.ts";
import { describePins, describeSideImages, newerImages, pinsOf } from "./side-images.ts";
import { pinSideImages, readSideImages, updateSideImages } from "./update-side-images.ts";

interface UpdatesOptions {
  json?: boolean;
  check?: boolean;
  pin?: boolean;
  sideImages?: boolean;
}

export function registerUpdates(program: Command): void {
  const stackOf = (): string | undefined => program.opts<{ stack?: string }>().stack;

  program
    .command("updates")
    .description(
      "lists the newer releases: age, commits, changes, migrations, what breaks; and newer images beside " +
        "the server's own",
    )
    .option("--json", "as JSON")
    .option(
      "--check",
      "one line; exit code 0 where there is a newer version, 3 where there is none",
    )
    .option("--pin", "writes the newest version into the stack file as tag@commit")
    .option(
      "--side-images",
      "with --check: newer images beside the server's own count as well; with --pin: writes their digests " +
        "into the stack file, and no version",
    )
    .action((options: UpdatesOptions) =>
      options.pin === true && options.sideImages === true
        ? pinImages(stackOf(), options)
        : listUpdates(stackOf(), options),
    );

  program
    .command("update")
    .description("pins a release, shows what it would do, asks, and brings it")
    .argument("[release]", "a tag or a commit; default: the newest version")
    .option("--side-images", "instead of a release: newer images beside the server's own")
    .option(
      "--retry",
      "tries a release once more that was taken back; where none is named, the newest such",
    )
    .option("--yes", "asks nothing; what the preview refuses is not done")
    .action(
      async (wanted: string | undefined, options: UpdateOptions & { sideImages?: boolean }) => {
        if (wanted !== undefined && options.sideImages === true)
          throw new UsageError(oneAtATime(wanted));
        const result =
          options.sideImages === true
            ? await updateSideImages(stackOf(), options, terminalContext())
            : await update(stackOf(), wanted, options, terminalContext());
        setExitCode(result);
      },
    );
}

async function listUpdates(stack: string | undefined, options: UpdatesOptions): Promise<void> {
  const { json = false, check = false, pin = false } = options;
  const found = await readUpdates(stack);
  // Cron asks each morning: registries are asked only by who wants to know.
  const asksRegistries = options.sideImages === true || (!check && !pin);
  const sideImages = asksRegistries ? await readSideImages(stack) : [];
  const newer = check && options.sideImages === true ? newerImages(sideImages) : [];
  if (json) console.log(JSON.stringify({ ...found, sideImages }, null, 2));
  else if (check)
    show(
      [
        ...(found.pin === undefined ? [] : [found.pin]),
        ...(newer.length ? [describePins(newer)] : []),
      ].join("\n") || whyNone(found.updates, found.serving),
    );
  else
    show(
      [describeUpdates(found.updates, found.serving, Date.now()), describeSideImages(sideImages)]
        .filter((text) => text !== "")
        .join("\n\n"),
    );
  if (pin && found.pin !== undefined)
    console.error(`${await pinRelease(stack, found.pin)}: release is ${found.pin}`);
  if (found.pin === undefined && newer.length === 0 && (check || pin)) setExitCode("nothing-to-do");
}

async function pinImages(
  stack: string | undefined,
  { json = false, check = false }: UpdatesOptions,
): Promise<void> {
  const images = await readSideImages(stack);
  const newer = newerImages(images);
  if (json) console.log(JSON.stringify({ sideImages: images, pins: pinsOf(newer) }, null, 2));
  else if (check) show(describePins(newer) || "No image beside the server's own is newer.");
  else show(describeSideImages(images));
  if (newer.length === 0) setExitCode("nothing-to-do");
  else console.error(`${await pinSideImages(stack, pinsOf(newer))}:\n${describePins(newer)}`);
}

/** One cause for each failure, and one thing to go back to. */
function oneAtATime(release: string): string {
  return (
    `"--side-images" is for the images beside the server's own, and ${release} is a release. One at a ` +
    "time: leave one of them away."
  );
}
