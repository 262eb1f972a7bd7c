import { expect } from "chai";
import {
  type PlacementFacts,
  placementOf,
  upgradeVolumeName,
} from "../../updater/placed-database.ts";

const USUAL = "chat_postgres_data";
const NEW = "chat_postgres_data_pg18_7";
const UPGRADED = { postgres: { image: "postgres:18", major: 18, volume: NEW } };

/** A server as a first deployment leaves it, with PostgreSQL 17. */
function facts(values: Partial<PlacementFacts> & { asked?: string } = {}): PlacementFacts {
  const { asked, ...others } = values;
  return {
    configuration: {
      databaseVolume: USUAL,
      ...(asked === undefined ? {} : { databaseImage: asked }),
    },
    ...{ releaseImage: "postgres:17", last: {}, running: 17 },
    ...others,
  };
}

describe("the database's image and volume", () => {
  it("are the release's where nothing was asked for or brought", () => {
    expect(placementOf(facts())).to.deep.equal({});
  });

  it("are new ones for a newer version", () => {
    expect(placementOf(facts({ asked: "postgres:18" }))).to.deep.equal({
      placed: { image: "postgres:18", major: 18 },
      image: "postgres:18",
    });
    expect(placementOf(facts({ asked: "postgres:19", last: UPGRADED }))).to.deep.equal({
      placed: { image: "postgres:19", major: 19 },
      image: "postgres:19",
    });
  });

  it("stay what an upgrade brought, whatever an older stack or release says", () => {
    for (const asked of [undefined, "postgres:18"])
      expect(
        placementOf(facts({ last: UPGRADED, running: 18, ...(asked ? { asked } : {}) })),
      ).to.deep.equal({ placed: UPGRADED.postgres, image: "postgres:18" });
  });

  it("keep the volume for another image of the same version", () => {
    const found = placementOf(facts({ asked: "postgres:18.2", last: UPGRADED, running: 18 }));
    expect(found).to.deep.equal({
      placed: { image: "postgres:18.2", major: 18, volume: NEW },
      image: "postgres:18.2",
    });
  });

  it("keep the volume for a release that has caught up, whose image counts then", () => {
    const found = placementOf(facts({ releaseImage: "postgres:18.1", last: UPGRADED }));
    expect(found).to.deep.equal({ placed: { image: "postgres:18.1", major: 18, volume: NEW } });
  });

  it("are the usual volume where nothing was deployed yet, as on a new server", () => {
    const { last: _, running: _running, ...empty } = facts({ asked: "postgres:18" });
    const found = placementOf({ ...empty, last: undefined, running: undefined });
    expect(found).to.deep.equal({
      placed: { image: "postgres:18", major: 18, volume: USUAL },
      image: "postgres:18",
    });
  });

  it("are refused for an older version, with the way back", () => {
    expect(placementOf(facts({ asked: "postgres:16" }))).to.have.property("problem");
    const { problem } = placementOf(facts({ asked: "postgres:17", last: UPGRADED })) as {
      problem: string;
    };
    expect(problem)
      .to.contain("an older version does not read them")
      .and.to.contain("pulumi config set databaseImage postgres:18");
  });

  it("are refused where the version of now is not known", () => {
    const found = placementOf({ ...facts({ asked: "postgres:18" }), running: undefined });
    expect(found).to.have.property("problem").that.contains("doesn't answer");
  });

  it("have the version and the job in the new volume's name", () => {
    expect(upgradeVolumeName({ databaseVolume: USUAL }, 18, 7)).to.equal(NEW);
  });
});
