import { docker } from "../commands.ts";

/**
 * What a whole server may do, one by one, for hosts that cannot give a container everything
 * (`--privileged` fails where the host itself lacks a capability, as in many CI machines).
 */
const CAPABILITIES = [
  "AUDIT_CONTROL",
  "AUDIT_READ",
  "AUDIT_WRITE",
  "BLOCK_SUSPEND",
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "IPC_LOCK",
  "IPC_OWNER",
  "KILL",
  "LEASE",
  "LINUX_IMMUTABLE",
  "MAC_ADMIN",
  "MAC_OVERRIDE",
  "MKNOD",
  "NET_ADMIN",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_RAW",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYSLOG",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_CHROOT",
  "SYS_MODULE",
  "SYS_NICE",
  "SYS_PACCT",
  "SYS_PTRACE",
  "SYS_RAWIO",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "WAKE_ALARM",
];

/**
 * The `docker run` options with which systemd and a docker daemon of its own work in a container on
 * this machine.
 *
 * @param image any image with `true` in it, to try what the machine allows
 */
export async function rightsOfAServer(image: string): Promise<string[]> {
  return [...(await capabilityArguments(image)), ...(await controlGroupArguments())];
}

async function capabilityArguments(image: string): Promise<string[]> {
  const tried = await docker(
    "try a privileged container",
    ["run", "--rm", "--privileged", "--entrypoint", "true", image],
    { timeout: 60_000, acceptedExitCodes: [0, 1, 125, 126, 127] },
  );
  if (tried.exitCode === 0) return ["--privileged"];
  return [
    ...CAPABILITIES.map((capability) => `--cap-add=${capability}`),
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
  ];
}

/**
 * With version 2 systemd finds a group of its own; with version 1 it shares the host's, and needs
 * to be told that it is allowed to use it.
 */
async function controlGroupArguments(): Promise<string[]> {
  const info = await docker(
    "ask docker for its version of control groups",
    ["info", "--format", "{{.CgroupVersion}}"],
    { timeout: 30_000 },
  );
  if (info.stdout.trim() === "2") return ["--cgroupns=private"];
  const legacy = "systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1";
  return ["--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", `--env=SYSTEMD_PROC_CMDLINE=${legacy}`];
}
