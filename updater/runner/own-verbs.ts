/**
 * What the runner does itself, because without it root's shell would: the look at the host, the logs, and what
 * is sent.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { execa } from "execa";
import { archivePath } from "../archive-path.ts";
import { command } from "../command.ts";
import { makeDirectoryDurably, nameExists, sha256OfFile, syncDirectory } from "../files.ts";
import { firstLine } from "../first-line.ts";
import { HOST_PROBE } from "../host-probe.ts";
import { instancePaths, jobPaths } from "../paths.ts";
import { containerArguments, logArguments } from "../service-log.ts";
import { requireSpaceFor } from "../steps/space.ts";
import { type Conversation, print, type Verb } from "../verbs.ts";
import { archiveRequestSchema, factsRequestSchema, serviceLogRequestSchema } from "./protocol.ts";

const PROBE_TIMEOUT = 45_000;

/** Longer than any client waits; the call has a limit of its own. */
const STREAM_TIMEOUT = 25 * 3_600_000;

export const OWN_VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["facts", tellFacts],
  ["service-log", tellServiceLog],
  ["job-log", tellJobLog],
  ["receive-archive", receiveArchive],
  ["docker-id", tellDockerId],
  ["load-images", loadImages],
]);

async function tellFacts(conversation: Conversation): Promise<void> {
  const { input, output, permit, allowances = [] } = conversation;
  const request = factsRequestSchema.parse(JSON.parse(await text(input)));
  permit(request);
  const { directory, project, port, volumes } = request;
  const argv = ["sh", "-c", HOST_PROBE, "probe", directory, project, String(port), ...volumes];
  const facts = await command("look at the host", argv, { timeout: PROBE_TIMEOUT });
  const allowed = allowances.map((allowance) => `allowance=${allowance}\n`);
  output.write(`${facts}\nrunnerAnswers=yes\n${allowed.join("")}`);
}

/** Nothing is written where the instance has no such container. */
async function tellServiceLog({ input, output, permit }: Conversation): Promise<void> {
  const { project, directory, since, ...log } = serviceLogRequestSchema.parse(
    JSON.parse(await text(input)),
  );
  permit({ directory, project });
  const found = await command("find the container", containerArguments(project, log.service));
  const [id = ""] = found.split("\n");
  print(output, { container: id });
  if (id === "") return;
  const argv = logArguments({ ...log, ...(since === undefined ? {} : { since }) }, id);
  await streamed(argv, output);
}

async function tellJobLog({ output, words, permit }: Conversation): Promise<void> {
  const [directory = "", sequence] = words;
  permit({ directory });
  const { progress } = jobPaths(instancePaths(directory), Number(sequence));
  await pipeline(createReadStream(progress), output, { end: false });
}

/** Puts a release's tree where the job takes it from: all of it, or nothing. */
async function receiveArchive(conversation: Conversation): Promise<void> {
  const { input, output, permit, longest } = conversation;
  const { line, rest } = await firstLine(input, longest);
  const { directory, sha256, size } = archiveRequestSchema.parse(JSON.parse(line));
  permit({ directory });
  const { state, incoming } = instancePaths(directory);
  await makeDirectoryDurably(directory, 0o755);
  for (const folder of [state, incoming]) await makeDirectoryDurably(folder);
  const destination = archivePath(incoming, sha256);
  if ((await nameExists(destination)) && (await sha256OfFile(destination)) === sha256) {
    print(output, { written: false });
    return;
  }
  await requireSpaceFor([{ folder: incoming, bytes: size }]);
  const temporary = `${destination}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      const digest = createHash("sha256");
      let length = 0;
      for await (const chunk of rest) {
        length += chunk.length;
        if (length > size) break;
        digest.update(chunk);
        await handle.writeFile(chunk);
      }
      if (length !== size || digest.digest("hex") !== sha256)
        throw new Error("the release's tree arrived damaged or is not what was announced");
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, destination);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(incoming);
  print(output, { written: true });
}

async function tellDockerId({ output, words: [directory = ""], permit }: Conversation) {
  permit({ directory });
  output.write(await command("ask for Docker's id", ["docker", "info", "--format", "{{.ID}}"]));
}

async function loadImages({ input, output, words: [directory = ""], permit }: Conversation) {
  permit({ directory });
  await execa("docker", ["load", "--quiet"], {
    ...{ cwd: "/", timeout: STREAM_TIMEOUT, buffer: false },
    stdin: Readable.from(input, { objectMode: false }),
    stdout: output,
    stderr: "inherit",
  });
}

/** Standard error comes by standard output. */
async function streamed(argv: readonly string[], output: Conversation["output"]): Promise<void> {
  const [file = "", ...rest] = argv;
  await execa(file, rest, {
    ...{ cwd: "/", timeout: STREAM_TIMEOUT, buffer: false, stdin: "ignore" },
    stdout: output,
    stderr: "inherit",
  });
}
