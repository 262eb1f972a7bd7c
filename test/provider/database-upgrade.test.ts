import { expect } from "chai";
import type { Wire } from "../../provider/codec.ts";
import { upgradeText } from "../../provider/database-upgrade.ts";
import { deployment } from "../../provider/deployment.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { HostFacts } from "../../provider/server/host-facts.ts";
import type { ServerState } from "../../updater/protocol.ts";
import { servingRecord as servingOf, OLD_COMMIT } from "../updater/samples.ts";
import { FakeServer } from "./support/fake-server.ts";
import {
  applied,
  deploymentInputs,
  listeningContext,
  NEWER,
  reasons,
  servingRecord,
  servingState,
} from "./support/samples.ts";

const database = {
  identity: { systemIdentifier: "7", oid: "16384" },
  ...{ applied, postgresMajor: 17, size: 412_000_000 },
};
const postgres = { image: "postgres:18", major: 18, volume: "chatalot_postgres_data_pg18_7" };

describe("another version of the database, in a preview", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  async function serve(changes: Partial<ServerState> = {}): Promise<void> {
    const serving = servingRecord();
    server.state = servingState({ database, serving, lastServing: serving, ...changes });
    await server.arrive();
  }

  beforeEach(() => {
    server = new FakeServer();
  });
  afterEach(async () => {
    await server.leave(original);
  });

  function inputs(databaseImage: string | undefined, changes: Wire = {}): Wire {
    const { configuration, ...others } = deploymentInputs(changes);
    return {
      ...others,
      configuration: {
        ...(configuration as Wire),
        ...(databaseImage === undefined ? {} : { databaseImage }),
      },
    };
  }

  async function check(news: Wire) {
    const context = listeningContext();
    const olds = { ...inputs(undefined), instanceId: "instance-a" };
    const checked = await deployment.check(context, olds, news);
    return { told: context.told.join("\n"), refused: reasons(checked).join("\n") };
  }

  it("is told with what happens and what stays, and is a change", async () => {
    await serve();
    const { told, refused } = await check(inputs("postgres:18"));
    expect(refused).to.equal("");
    expect(told)
      .to.contain("UPGRADE  PostgreSQL 17 -> 18 (postgres:18)")
      .and.to.contain("chatalot_postgres_data")
      .and.not.to.contain("SETTINGS");
    const outputs = { ...inputs(undefined), instanceId: "instance-a" };
    expect(deployment.diff(outputs, inputs("postgres:18"))).to.equal(true);
  });

  it("is not told where the server has that version", async () => {
    const configurationDigest = "digest";
    const serving = servingRecord({
      serving: {
        ...servingOf(OLD_COMMIT),
        ...{ configurationDigest, postgres, database: database.identity },
      },
    });
    const found = { ...database, postgresMajor: 18 };
    await serve({ serving, lastServing: serving, database: found });
    const { told, refused } = await check(inputs("postgres:18.1"));
    expect(refused).to.equal("");
    expect(told).not.to.contain("UPGRADE");
  });

  it("is refused where it is older, with the way back", async () => {
    await serve();
    const { refused } = await check(inputs("postgres:16"));
    expect(refused)
      .to.contain("an older version does not read them")
      .and.to.contain("pulumi config set databaseImage postgres:17")
      .and.to.contain("Nothing was changed");
  });

  it("is refused together with another release, and with another database", async () => {
    await serve();
    const other = await check(inputs("postgres:18", { release: "v1.1.0", commit: NEWER }));
    expect(other.refused)
      .to.contain("one thing is changed at a time")
      .and.to.contain("set release to v1.0.0");
    const rollback = { way: "backup", job: 3, backup: "000001-20260301T000000Z" };
    const back = await check(inputs("postgres:18", { rollback }));
    expect(back.refused).to.contain("a database of an earlier moment");
  });
});

describe("the text of an upgrade", () => {
  const facts = { diskMegabytes: 80_000 } as HostFacts;
  const upgrade = { image: "postgres:18", from: 17, to: 18 };
  const text = (changes: Partial<ServerState>, free = facts): string =>
    upgradeText(upgrade, servingState({ database, ...changes }), "chat_postgres_data", free);

  it("has the times of the last proof, the space, and the revert points that stay behind", () => {
    const measured = { dump: 12_000, proof: 20_000 };
    const reach = { releases: [], backups: [], revertPoints: ["chatalot_before_4"] };
    expect(text({ measured, reach })).to.equal(`UPGRADE  PostgreSQL 17 -> 18 (postgres:18)
Database 412 MB; into a new volume, compared table by table, with its roles,
         passwords and settings
Steps    backup, proven, and tried with PostgreSQL 18 about 52 s: chat stays up;
         stop, last dump, restore, start about 32 s: CHAT IS AWAY
Failure  PostgreSQL 17 serves again, from its own volume, and nothing is lost
Kept     the volume chat_postgres_data, as it is when the chat stops; nobody
         removes it but you. Revert points stay in it and can't be gone back to
         any more: chatalot_before_4
Disk     needs about 2.8 GB, 83.9 GB free`);
  });

  it("says that no time is known, and that there may be too little room", () => {
    const found = text({ measured: {} }, { diskMegabytes: 1_000 } as HostFacts);
    expect(found.replaceAll(/\s+/g, " "))
      .to.contain("CHAT IS AWAY, for as long as a dump and a restore take")
      .and.to.contain("MAY NOT BE ENOUGH");
  });

  it("names the volume of an earlier upgrade as the one that is kept", () => {
    const serving = servingRecord({ serving: { ...servingOf(OLD_COMMIT), postgres } });
    expect(text({ serving })).to.contain(postgres.volume);
  });
});
