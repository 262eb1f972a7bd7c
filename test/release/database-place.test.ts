import { expect } from "chai";
import { parse } from "yaml";
import { withDatabaseAt } from "../../release/database-place.ts";
import { mountPoint, refuseOtherMounts } from "../../updater/drivers/compose/database-place.ts";

const FILE = (mount: string): string => `
services:
  chatalot: { image: "x" }
  postgres:
    image: postgres:18
    volumes:
      - ./init:/docker-entrypoint-initdb.d:ro
      - ${mount}
volumes:
  postgres_data: { external: true, name: chat_postgres_data_pg18_7 }
`;

describe("the database's volume in a generated file", () => {
  const forms = [
    "postgres_data:/var/lib/postgresql/data",
    "postgres_data:/var/lib/postgresql/data:rw",
    "{ type: volume, source: postgres_data, target: /var/lib/postgresql/data }",
  ];
  for (const form of forms)
    it(`is mounted elsewhere, and nothing else is: ${form}`, () => {
      const moved = withDatabaseAt(FILE(form), "postgres_data", "/var/lib/postgresql");
      const { services, volumes } = parse(moved) as {
        services: Record<string, { volumes?: unknown; image: string }>;
        volumes: Record<string, { name: string }>;
      };
      expect(services.postgres?.volumes).to.deep.equal([
        "./init:/docker-entrypoint-initdb.d:ro",
        "postgres_data:/var/lib/postgresql",
      ]);
      expect(services.postgres?.image).to.equal("postgres:18");
      expect(volumes.postgres_data?.name).to.equal("chat_postgres_data_pg18_7");
      expect(withDatabaseAt(moved, "postgres_data", "/var/lib/postgresql")).to.equal(moved);
    });

  it("is refused where the database doesn't use it", () => {
    expect(() => withDatabaseAt(FILE("other:/data"), "postgres_data", "/data")).to.throw(
      'doesn\'t mount the volume "postgres_data"',
    );
  });
});

describe("the place of an image's data", () => {
  const cases: [string, string[], string][] = [
    ["/var/lib/postgresql/data", ["/var/lib/postgresql/data"], "/var/lib/postgresql/data"],
    ["/var/lib/postgresql/18/docker", ["/var/lib/postgresql"], "/var/lib/postgresql"],
    ["/var/lib/postgresql/data/pgdata", ["/var/lib/postgresql/data/"], "/var/lib/postgresql/data"],
    ["/data", [], "/data"],
    ["/data", ["/var/lib/postgresql"], "/data"],
    ["/a/b/c", ["/a", "/a/b"], "/a/b"],
    ["/var/lib/postgresql-data", ["/var/lib/postgresql"], "/var/lib/postgresql-data"],
  ];
  for (const [folder, declared, expected] of cases)
    it(`is ${expected} for ${folder} and ${declared.join(", ") || "no volume"}`, () => {
      expect(mountPoint(folder, declared)).to.equal(expected);
    });

  const own = { type: "volume", source: "postgres_data", target: "/var/lib/postgresql" };
  const sockets = { type: "bind", source: "/run/pg", target: "/var/run/postgresql" };

  it("may have other mounts beside it", () => {
    expect(() => refuseOtherMounts({ volumes: [sockets, own] }, own.target)).not.to.throw();
  });

  for (const target of ["/var/lib/postgresql/data", "/var/lib", "/var/lib/postgresql"])
    it(`is refused with something of the operator's at ${target}, by its name`, () => {
      const mine = { type: "bind", source: "/srv/mine", target };
      const volumes = target === own.target ? [mine] : [own, mine];
      expect(() => refuseOtherMounts({ volumes }, own.target)).to.throw(`/srv/mine at ${target}`);
    });

  it("is refused where nothing is mounted there", () => {
    expect(() => refuseOtherMounts({ volumes: [sockets] }, own.target)).to.throw(
      "has nothing there",
    );
  });
});
