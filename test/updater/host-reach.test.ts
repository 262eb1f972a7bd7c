import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { hostReach, isWithin } from "../../updater/host-reach.ts";
import type { Allowance } from "../../updater/runner/protocol.ts";

describe("hostReach", () => {
  let folder: string;
  let tree: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-reach-"));
    tree = join(folder, "tree");
    await mkdir(join(tree, "turn"), { recursive: true });
    await writeFile(join(tree, "turn", "turnserver.conf"), "");
    await symlink("/etc/shadow", join(tree, "shadow"));
    await symlink("/", join(tree, "host"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function reach(
    file: object,
    { profiles = [], allow = [] }: { profiles?: string[]; allow?: Allowance[] } = {},
  ): Promise<string[]> {
    const ownVolumes = ["chat_postgres_data", "chat_file_storage"];
    return hostReach(stringify(file), { profiles, allow, folders: [tree], ownVolumes });
  }
  const service = (members: object, others: object = {}) => ({
    services: { chatalot: { image: "x", ...members } },
    ...others,
  });
  const data = { data: { external: true, name: "chat_file_storage" } };

  it("finds nothing in what Chatalot's own file has", async () => {
    const file = service(
      {
        ...{ container_name: "chatalot-server", restart: "unless-stopped", read_only: true },
        ...{ cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"], tmpfs: ["/tmp"] },
        environment: { A: "${B:-x}" },
        ports: ["127.0.0.1:8080:8080"],
        volumes: ["data:/data", "/cache", `${tree}/turn/turnserver.conf:/etc/turn.conf:ro`],
        secrets: ["key"],
        networks: ["external"],
        deploy: { resources: { limits: { memory: "512M", cpus: "1.0" } } },
        logging: { driver: "json-file", options: { "max-size": "10m" } },
        env_file: ".env",
      },
      {
        volumes: data,
        networks: { external: null, internal: { internal: true } },
        secrets: { key: { file: `${tree}/turn/turnserver.conf` } },
      },
    );
    expect(await reach(file)).to.deep.equal([]);
  });

  for (const [what, file] of [
    ["all rights", service({ privileged: true })],
    ["all rights by a variable", service({ privileged: "${PRIVILEGED}" })],
    ["the host's network", service({ network_mode: "host" })],
    ["another container's network", service({ network_mode: "container:other" })],
    ["a network by a variable", service({ network_mode: "${MODE}" })],
    ["the host's processes", service({ pid: "host" })],
    ["the host's memory", service({ ipc: "host" })],
    ["the host's users", service({ userns_mode: "host" })],
    ["the host's names", service({ uts: "host" })],
    ["the host's control groups", service({ cgroup: "host" })],
    ["a parent of control groups", service({ cgroup_parent: "/" })],
    ["devices", service({ devices: ["/dev/sda"] })],
    ["rules for devices", service({ device_cgroup_rules: ["a *:* rwm"] })],
    ["reserved devices", service({ deploy: { resources: { reservations: { devices: [{}] } } } })],
    ["more capabilities", service({ cap_add: ["SYS_ADMIN"] })],
    ["capabilities by a variable", service({ cap_add: ["${CAP}"] })],
    ["no confinement", service({ security_opt: ["apparmor:unconfined"] })],
    ["Docker's socket", service({ volumes: ["/var/run/docker.sock:/s:ro"] })],
    ["Docker's socket by its own word", service({ use_api_socket: true })],
    ["the host's files", service({ volumes: ["/:/host"] })],
    ["the host's files by the long form", service({ volumes: [{ type: "bind", source: "/" }] })],
    ["the host's files by a variable", service({ volumes: ["${ROOT}:/host"] })],
    ["the host's files by a default", service({ volumes: ["${ROOT:-/}:/host:ro"] })],
    ["the host's files by a home", service({ volumes: ["~/.ssh:/host:ro"] })],
    ["a volume that is not declared", service({ volumes: ["other:/x"] })],
    [
      "a folder by a volume's options",
      service(
        { volumes: ["v:/x"] },
        { volumes: { v: { driver_opts: { device: "/", o: "bind" } } } },
      ),
    ],
    ["another project's volume", service({}, { volumes: { v: { external: true, name: "o" } } })],
    ["another project's volume by its name", service({}, { volumes: { v: { name: "o" } } })],
    ["an external volume by its key", service({}, { volumes: { other: { external: true } } })],
    ["another project's network", service({}, { networks: { n: { external: true } } })],
    ["the host's own network card", service({}, { networks: { n: { driver: "macvlan" } } })],
    ["other containers' volumes", service({ volumes_from: ["container:other"] })],
    ["a secret of the host's", service({}, { secrets: { s: { file: "/etc/shadow" } } })],
    ["a setting of the host's", service({}, { configs: { s: { file: "/etc/shadow" } } })],
    ["variables from the host", service({ env_file: "/etc/shadow" })],
    ["variables from the host in a list", service({ env_file: [{ path: "/etc/shadow" }] })],
    ["labels from the host", service({ label_file: "/etc/shadow" })],
    ["the kernel's settings", service({ sysctls: { "kernel.core_pattern": "|/x" } })],
    ["a program of the host's", service({ provider: { type: "x" } })],
    ["a hook with all rights", service({ post_start: [{ command: "x", privileged: true }] })],
    ["another runtime", service({ runtime: "x" })],
    ["what the host logs", service({ logging: { driver: "syslog" } })],
    ["an unknown member", service({ new_in_compose: true })],
    ["an unknown member at the top", service({}, { models: {} })],
  ] as const)
    it(`finds ${what}`, async () => {
      expect(await reach(file)).to.have.length(1);
      expect(await reach(file, { allow: ["host-access"] })).to.deep.equal([]);
    });

  it("follows links, also those of a folder above", async () => {
    for (const path of ["shadow", "host/etc/shadow", "../x"])
      expect(
        await reach(service({}, { secrets: { s: { file: join(tree, path) } } })),
        path,
      ).to.have.length(1);
    expect(await isWithin(join(tree, "host"), [tree])).to.equal(false);
    expect(await isWithin(`${tree}-other`, [tree])).to.equal(false);
    expect(await isWithin(tree, [tree])).to.equal(true);
  });

  it("lets nothing be written of what it gives", async () => {
    const mounts = [`${tree}/turn:/x`, { type: "bind", source: `${tree}/turn`, target: "/x" }];
    for (const mount of mounts)
      expect(await reach(service({ volumes: [mount] }))).to.have.length(1);
    const readOnly = { type: "bind", source: `${tree}/turn`, target: "/x", read_only: true };
    expect(await reach(service({ volumes: [readOnly] }))).to.deep.equal([]);
  });

  it("looks at services that run, and takes a variable for any profile", async () => {
    const turn = { services: { coturn: { network_mode: "host", profiles: ["turn"] } } };
    expect(await reach(turn)).to.deep.equal([]);
    expect(await reach(turn, { profiles: ["turn"] })).to.have.length(1);
    expect(await reach(turn, { profiles: ["turn"], allow: ["host-network"] })).to.deep.equal([]);
    for (const all of ["*", "x,turn", ""])
      expect(await reach(turn, { profiles: [all] }), all).to.have.length(1);
    const any = { services: { x: { privileged: true, profiles: ["${P}"] } } };
    expect(await reach(any)).to.have.length(1);
  });

  it("is not led astray by anchors and merged members", async () => {
    const text =
      "x-bad: &bad\n  privileged: true\nservices:\n  chatalot:\n    <<: *bad\n    image: x\n";
    const found = await hostReach(text, {
      ...{ profiles: [], folders: [], ownVolumes: [], allow: [] },
    });
    expect(found).to.include("service chatalot is privileged");
  });
});
