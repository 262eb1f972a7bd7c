import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { chatUrl, cleanServer, operatorOf } from "./support/fixture.ts";
import { listing } from "./support/listing.ts";
import { healthOf, shell } from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

/** Client and server as old as an operator's forgotten machine; everything else as it is. */
const OLD_DOCKER = `#!/bin/sh
case "$1" in
  info) /usr/bin/docker "$@" | sed 's/^docker=.*/docker=20.10.24/' ;;
  *) exec /usr/bin/docker "$@" ;;
esac
`;

const PLUGINS = "/usr/libexec/docker/cli-plugins";

describe("a server that lacks several things at once", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let untouched: string[];
  let preview: Run;

  before(async () => {
    demo = await cleanServer();
    operator = await operatorOf(demo);
    await shell(
      demo,
      `mkdir -p /mnt/small && mount -t tmpfs -o size=64m,ro tmpfs /mnt/small
       mv ${PLUGINS}/docker-compose ${PLUGINS}/compose-away
       printf %s "$1" > /usr/local/bin/docker && chmod 755 /usr/local/bin/docker
       touch /srv/a-file
       systemd-run --quiet --unit=stranger nc -lk 0.0.0.0 8080`,
      OLD_DOCKER,
    );
    await operator.configure({ release: "v1.0.0", "server.directory": "/mnt/small/chatalot" });
    untouched = await listing(demo, "/mnt/small");
    preview = await operator.preview();
  });
  after(() =>
    takeBack(
      // Each is mended by itself: `before` may have come to some of them only.
      () =>
        demo &&
        shell(
          demo,
          `systemctl stop stranger || true
           if mountpoint -q /mnt/small; then umount /mnt/small; fi
           rm -f /usr/local/bin/docker /srv/a-file
           if test -e ${PLUGINS}/compose-away; then mv ${PLUGINS}/compose-away ${PLUGINS}/docker-compose; fi`,
        ),
      () => operator?.leave(),
    ),
  );

  it("fails the preview with all of them in one list", () => {
    expect(preview.exitCode, preview.output).not.to.equal(0);
    const list = /can't run Chatalot yet:\n([\s\S]*?)Nothing was changed\./.exec(preview.output);
    const failures = (list?.[1] ?? "").split("\n").filter((line) => line.includes("- "));
    expect(failures, preview.output).to.have.length(5);
    const [docker, compose, folder, disk, port] = failures;
    expect(docker).to.contain("Docker is 20.10.24; 24 or newer is needed.");
    expect(compose).to.contain("Docker Compose is missing. Install the package docker-compose");
    expect(folder).to.contain("/mnt/small can't be written to");
    expect(disk).to.match(
      /The disk of \/mnt\/small\/chatalot has \d\d MB free; 2048 MB are needed/,
    );
    expect(port).to.match(/Port 8080 is used by nc \(process \d+\)/);
  });

  it("fails an update with the same list", async () => {
    const run = await operator.up("--skip-preview");
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output.match(/^ +- /gm), run.output).to.have.length(5);
  });

  it("names a file where the directory should be", async () => {
    await operator.configure({ "server.directory": "/srv/a-file/chatalot" });
    const run = await operator.preview();
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.contain("/srv/a-file is no folder");
  });

  it("has nothing of ours afterwards", async () => {
    expect(await listing(demo, "/mnt/small")).to.deep.equal(untouched);
  });
});

describe("a server that is to be prepared", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    demo = await cleanServer();
    await shell(demo, "dpkg --purge --force-depends docker-compose docker-buildx");
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0", prepareServer: true });
  });
  after(() =>
    takeBack(
      () =>
        demo &&
        shell(
          demo,
          `docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1 || {
             apt-get -q update
             apt-get -q install --yes --no-install-recommends docker-compose docker-buildx
           } >/dev/null`,
        ),
      () => operator?.leave(),
    ),
  );

  it("may lack what will be installed, which the preview names", async () => {
    const { exitCode, output } = await operator.preview("--diff");
    expect(exitCode, output).to.equal(0);
    expect(output).to.match(/toInstall *: "Docker Compose, buildx"/);
    await shell(demo, `test ! -e ${PLUGINS}/docker-compose`);
  });

  it("gets what it lacks and then the deployment, in one run", async () => {
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await shell(demo, "docker compose version --short")).to.match(/^2\./);
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok" });
  });
});
