import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { composeUp } from "./support/by-the-page.ts";
import { chatUrl, cleanServer, DIRECTORY, operatorOf, servingChat } from "./support/fixture.ts";
import { listing } from "./support/listing.ts";
import { numberOfJobs, runningSince, shell } from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const VOLUME = "chatalot_postgres_data";

/** What somebody else may have on a server. */
const FOREIGN = [
  {
    name: "an .env file",
    place: `mkdir -p ${DIRECTORY}; echo POSTGRES_PASSWORD=theirs > ${DIRECTORY}/.env`,
    remove: `rm ${DIRECTORY}/.env`,
    told: `the file ${DIRECTORY}/.env`,
  },
  {
    name: "keys",
    place: `mkdir -p ${DIRECTORY}/secrets; echo theirs > ${DIRECTORY}/secrets/jwt_private.pem`,
    remove: `rm -r ${DIRECTORY}/secrets`,
    told: `the file ${DIRECTORY}/secrets`,
  },
  {
    name: "a running server",
    place: "docker run --detach --name chatalot-server node:20-trixie-slim sleep 1d",
    remove: "docker rm --force chatalot-server",
    told: "the container chatalot-server",
  },
  {
    name: "a database",
    place: `echo 17 > "$(docker volume inspect --format '{{.Mountpoint}}' "$(docker volume create ${VOLUME})")/PG_VERSION"`,
    remove: `docker volume rm ${VOLUME}`,
    told: `data in the volume ${VOLUME}`,
  },
] as const;

describe("a server with something that was not deployed by us", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    demo = await cleanServer();
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0" });
  });
  after(() => operator?.leave());

  for (const { name, place, remove, told } of FOREIGN)
    it(`is refused in a preview that names ${name}`, async () => {
      await shell(demo, place);
      const untouched = await listing(demo);
      const run = await operator.preview();
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output).to.contain(told);
      expect(await listing(demo)).to.deep.equal(untouched);
      await shell(demo, remove);
    });

  it("is left as it is, byte for byte, by an update, which names all of it", async () => {
    await shell(demo, FOREIGN.map(({ place }) => place).join("\n"));
    const untouched = await listing(demo);
    const run = await operator.up("--skip-preview");
    expect(run.exitCode, run.output).not.to.equal(0);
    for (const { told } of FOREIGN) expect(run.output).to.contain(told);
    expect(run.output).to.contain("Nothing is changed.");
    expect(await listing(demo)).to.deep.equal(untouched);
  });
});

describe("a server that is not as it was left", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0"));
    expect(await writeMarker(chatUrl(demo), "said before")).to.equal(true);
  });
  after(() =>
    takeBack(
      // Cleaning a server leaves it there, and the next run would fail at it.
      () => demo && shell(demo, "rm -rf /root/aside"),
      () => operator?.leave(),
    ),
  );

  it("is not changed while a job waits for a person", async () => {
    const served = await runningSince(demo);
    const jobs = await numberOfJobs(demo);
    const marker = `${DIRECTORY}/.deploy/needs-operator`;
    await shell(demo, 'echo "job 7 could not go back." > "$1"', marker);
    await operator.configure({ release: "v1.0.1" });
    for (const run of [await operator.preview(), await operator.up("--skip-preview")]) {
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output)
        .to.contain("job 7 could not go back.")
        .and.to.contain("npx chatalot resolve");
    }
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(await numberOfJobs(demo)).to.equal(jobs);
    await shell(demo, 'rm "$1"', marker);
    await operator.configure({ release: "v1.0.0" });
  });

  describe("because its database", () => {
    before(() =>
      shell(
        demo,
        `docker stop chatalot-server chatalot-db
         folder=$(docker volume inspect --format '{{.Mountpoint}}' ${VOLUME})
         rm -rf /root/aside; mkdir /root/aside; mv "$folder"/* /root/aside/`,
      ),
    );

    it("was emptied is not started", async () => {
      const run = await operator.up("--skip-preview");
      expectUntouched(run, /chatalot_postgres_data is empty/);
      expect(await shell(demo, "docker ps --quiet")).to.equal("");
    });

    it("was emptied and started by somebody else is not taken for this one's", async () => {
      await composeUp(demo);
      const served = await runningSince(demo);
      for (const run of [await operator.preview(), await operator.up("--skip-preview")]) {
        expect(run.exitCode, run.output).not.to.equal(0);
        expect(run.output).to.contain("The database is another one than this instance's");
      }
      expect(await runningSince(demo)).to.deep.equal(served);
    });

    it("is gone is not made anew", async () => {
      await shell(
        demo,
        `docker rm --force chatalot-server chatalot-db; docker volume rm ${VOLUME}`,
      );
      const run = await operator.up("--skip-preview");
      expectUntouched(run, /chatalot_postgres_data is gone/);
      expect(await shell(demo, "docker ps --all --quiet")).to.equal("");
      expect(await shell(demo, "docker volume ls --quiet")).not.to.contain(VOLUME);
    });

    it("was put back serves all that was said", async () => {
      await shell(
        demo,
        `folder=$(docker volume inspect --format '{{.Mountpoint}}' "$(docker volume create ${VOLUME})")
         mv /root/aside/* "$folder"/; rmdir /root/aside
         chown --reference="$folder"/PG_VERSION "$folder"; chmod 700 "$folder"`,
      );
      const run = await operator.up("--skip-preview");
      expect(run.exitCode, run.output).to.equal(0);
      expect(await readMessages(chatUrl(demo))).to.contain("said before");
    });
  });

  describe("because it is another one", () => {
    it("with another instance is refused by preview and update", async () => {
      const file = `${DIRECTORY}/.deploy/instance.json`;
      const { instance } = await operator.outputs();
      await shell(demo, 'sed -i "s/$1/0123456789abcdef/" "$2"', String(instance), file);
      await expectRefused("holds instance 0123456789abcdef");
      await shell(demo, 'sed -i "s/0123456789abcdef/$1/" "$2"', String(instance), file);
    });

    it("with nothing on it is refused by preview and update", async () => {
      await cleanServer();
      await expectRefused("holds none");
    });

    async function expectRefused(found: string): Promise<void> {
      const untouched = await listing(demo);
      for (const run of [await operator.preview(), await operator.up("--skip-preview")]) {
        expect(run.exitCode, run.output).not.to.equal(0);
        expect(run.output).to.contain("This stack deployed").and.to.contain(found);
      }
      // A database that runs writes to its volume all the time.
      const still = (line: string): boolean => !line.startsWith("volume ");
      expect((await listing(demo)).filter(still)).to.deep.equal(untouched.filter(still));
    }
  });
});

/** The job ended before it touched anything, for this reason. */
function expectUntouched(run: Run, cause: RegExp): void {
  expect(run.exitCode, run.output).not.to.equal(0);
  expect(run.output).to.contain("UNTOUCHED").and.to.match(cause);
}
