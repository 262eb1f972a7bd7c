import { expect } from "chai";
import { watch } from "../../provider/alerts.ts";
import type { Wire } from "../../provider/codec.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { AlertState } from "../../updater/alerts/protocol.ts";
import { errorOf } from "../updater/temporary.ts";
import { FakeServer } from "./support/fake-server.ts";
import { listeningContext, place, servingState } from "./support/samples.ts";

const ALERTS = { webhook: "https://hooks.example.org/x", every: 300, diskFree: 0 };
const INPUTS: Wire = { place, alerts: ALERTS };

describe("the alerts of a server", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    await server.arrive();
  });
  afterEach(() => server.leave(original));

  function found(alerts: Partial<AlertState>): void {
    const none = { channels: ["webhook"], told: [], drift: [], problems: [] };
    server.state = servingState({ alerts: { ...none, ...alerts } });
  }

  it("are drift where their timer was removed or changed, but not before they were ever set", async () => {
    found({ drift: ["the timer x does not run"] });
    const { additions } = await watch.check(listeningContext(), INPUTS, INPUTS);
    expect(additions["drift"]).to.equal("the timer x does not run");
    expect(watch.diff(INPUTS, { ...INPUTS, ...additions })).to.equal(true);
    server.state = servingState({});
    await server.nextRun();
    expect((await watch.check(listeningContext(), {}, INPUTS)).additions).not.to.have.property(
      "drift",
    );
  });

  it("that could not be sent are a warning, which no up mends", async () => {
    found({ problems: ["webhook: it can't be reached"] });
    const context = listeningContext();
    const { additions } = await watch.check(context, INPUTS, INPUTS);
    expect(context.warnings.join()).to.contain("webhook: it can't be reached");
    expect(watch.diff(INPUTS, { ...INPUTS, ...additions })).to.equal(false);
  });

  it("are refused before anything is changed where the server can't send mail, by a question without the webhook", async () => {
    found({});
    server.foreseenTimers = { refusals: ["The server can't send mail."], isSet: false };
    const check = async (alerts: object) =>
      (await watch.check(listeningContext(), INPUTS, { place, alerts })).refusals;
    const mail = "admin@example.org";
    expect(await check({ ...ALERTS, mail })).to.deep.equal(["The server can't send mail."]);
    expect(server.timersForeseen).to.deep.equal([
      { verb: "foresee-alerts", request: { protocol: 1, directory: place.directory, mail } },
    ]);
    // Only a message would show whether another webhook takes one.
    expect(await check({ ...ALERTS, webhook: "https://hooks.example.org/y" })).to.deep.equal([]);
    expect(await check(ALERTS)).to.deep.equal([]);
    expect(server.timersForeseen).to.have.length(1);
    expect(server.alerts).to.deep.equal([]);
  });

  it("are set, and refused with the server's reasons", async () => {
    found({});
    const { outputs } = await watch.create(listeningContext(), { ...INPUTS, drift: "x" });
    expect(outputs).to.deep.equal({ ...INPUTS, instanceId: "instance-a" });
    expect(server.alerts).to.deep.equal([
      { protocol: 1, directory: place.directory, alerts: ALERTS },
    ]);
    server.alertsAnswer = { answer: "refused", reasons: ["one", "another"] };
    const error = await errorOf(() => watch.update(listeningContext(), INPUTS, INPUTS));
    expect(error.message).to.equal("one\nanother");
  });

  it("end with the resource", async () => {
    found({});
    const context = listeningContext();
    await watch.delete(context, { ...INPUTS, instanceId: "instance-a" });
    expect(server.alerts).to.deep.equal([
      { protocol: 1, directory: place.directory, instanceId: "instance-a" },
    ]);
    expect(context.told.join()).to.contain("tells nobody any more");
  });

  it("of another instance stay, which is a warning", async () => {
    server.removedAnswer = { answer: "refused", reasons: ["It holds instance b."] };
    const context = listeningContext();
    await watch.delete(context, { ...INPUTS, instanceId: "instance-a" });
    expect(context.warnings).to.deep.equal([
      "The server's alerts were left there: It holds instance b.",
    ]);
    expect(context.told).to.deep.equal([]);
  });
});
