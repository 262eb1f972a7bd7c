import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Notes its arguments; the answers are files that a test writes. */
const PROGRAM = `#!/bin/sh
here=$(dirname "$0")
program=$(basename "$0")
printf '%s\\n' "$program $*" >> "$here/calls"
test "$program" = systemctl && exit 0
if test -e "$here/docker-is-down"; then
  echo 'Cannot connect to the Docker daemon' >&2
  exit 1
fi
if test -e "$here/docker-is-full"; then
  echo 'write /var/lib/docker/tmp: no space left on device' >&2
  exit 1
fi
if test "$1" = exec && test -e "$here/exec-fails"; then
  times=$(head -n 1 "$here/exec-fails")
  if test "$times" -gt 0; then
    text=$(tail -n +2 "$here/exec-fails")
    printf '%s\\n%s\\n' "$((times - 1))" "$text" > "$here/exec-fails"
    echo "$text" >&2
    exit 126
  fi
fi
if test "$1" = compose; then
  case "$*" in
    *" config --format json") cat "$here/compose.json";;
    *" up --no-start "*)
      for service in $(cat "$here/unmade" 2>/dev/null); do
        case "$* " in
          *" $service "*|*" --remove-orphans "*) echo "No such image: $service" >&2; exit 1;;
          *) ;;
        esac
      done;;
    *" up --detach "*)
      for service in $(cat "$here/failing"); do
        case " $* " in
          *" $service "*) echo "$service can not be started" >&2; exit 1;;
          *) ;;
        esac
      done;;
    *) ;;
  esac
  exit 0
fi
if test -d "$here/networks"; then
  for last in "$@"; do before=$name; name=$last; done
  networks=$here/networks
  case "$1 $2 $*" in
    "network create "*)
      test ! -e "$networks/$name" || { echo "network $name already exists" >&2; exit 1; }
      mkdir -p "$networks/$name/members"
      echo 'true bridge' > "$networks/$name/kind"; : > "$networks/$name/label"; exit 0;;
    "network ls "*)
      for label in "$networks"/*/label; do
        test ! -e "$label" || basename "$(dirname "$label")"
      done; exit 0;;
    "network inspect "*) cat "$networks/$name/kind"; exit 0;;
    "network connect "*)
      test ! -e "$networks/$before/members/$name" || { echo 'endpoint exists' >&2; exit 1; }
      : > "$networks/$before/members/$name"; exit 0;;
    "network disconnect "*)
      rm "$networks/$before/members/$name" 2>/dev/null || { echo 'is not connected' >&2; exit 1; }
      exit 0;;
    "network rm "*)
      rmdir "$networks/$name/members" || exit 1
      rm -r "$networks/$name"; exit 0;;
    "ps --all "*" network="*) ls "$networks/\${name#network=}/members"; exit 0;;
    "container inspect "*)
      found=
      for place in "$networks"/*/members/"$name"; do
        test -e "$place" || continue
        of=$(basename "$(dirname "$(dirname "$place")")")
        found="$found\${found:+,}\\"$of\\":{\\"IPAddress\\":\\"\\",\\"Aliases\\":[\\"$name\\"]}"
      done
      sed "s/\\"Networks\\":{}/\\"Networks\\":{$found}/; s/0123456789ab/$name/" "$here/container.json"
      exit 0;;
    *) ;;
  esac
fi
case "$1 $2" in
  "ps --all")
    case "$*" in
      *".service="*)
        service=\${*##*.service=}
        grep -E "^[^\t]*$|\t\${service%% *}\t" "$here/containers" 2>/dev/null || true;;
      *) cat "$here/containers" 2>/dev/null || true;;
    esac;;
  "container inspect") cat "$here/container.json";;
  *) ;;
esac
`;

/** Stands in for `docker` and `systemctl`, of which a unit test has none. */
export interface ServerPrograms {
  /** Whether there is a Docker daemon that answers, and whether it has room on its disk. */
  dockerIs(state: "up" | "down" | "full"): Promise<void>;
  /** Lets the next starts of a program in a container fail as the runtime does. */
  execFails(times: number, text: string): Promise<void>;
  /** The one container of the project; null for none. */
  containerIs(container: Record<string, unknown> | null): Promise<void>;
  /**
   * What Compose reads, and the containers that it made: the services, and those that can't be started.
   *
   * @param networks the names of the networks in the file
   */
  composeIs(
    services: Record<
      string,
      {
        state: string;
        depends_on?: Record<string, object>;
        networks?: Record<string, object | null>;
      }
    >,
    failing: readonly string[],
    networks?: readonly string[],
  ): Promise<void>;
  /** Docker's networks, of which some are internal or our own, with the containers that are in each. */
  networksAre(
    networks: Record<string, { internal?: boolean; isDoor?: boolean; members: readonly string[] }>,
  ): Promise<void>;
  /** The networks as they are now, with who is in each. */
  networks(): Promise<Record<string, string[]>>;
  /** Services of which Compose can't make a container. */
  canNotMake(services: readonly string[]): Promise<void>;
  /** What was run, in order: `systemctl disable ...`. */
  calls(): Promise<string[]>;
}

/** Puts the programs first on the PATH during each test of the suite. */
export function useServerPrograms(temporary: (...parts: string[]) => string): ServerPrograms {
  const path = process.env.PATH;
  const place = (name: string): string => join(temporary("programs"), name);
  beforeEach(async () => {
    await mkdir(temporary("programs"));
    for (const name of ["docker", "systemctl"]) {
      await writeFile(place(name), PROGRAM);
      await chmod(place(name), 0o755);
    }
    process.env.PATH = `${temporary("programs")}:${path}`;
  });
  afterEach(() => {
    process.env.PATH = path;
  });
  return {
    dockerIs: async (state) => {
      if (state !== "up") await writeFile(place(`docker-is-${state}`), "");
    },
    execFails: (times, text) => writeFile(place("exec-fails"), `${times}\n${text}\n`),
    containerIs: async (container) => {
      await writeFile(place("containers"), container === null ? "" : "0123456789ab\n");
      await writeFile(place("container.json"), JSON.stringify([container]));
    },
    composeIs: async (services, failing, networks = []) => {
      const lines = Object.entries(services).map(([name, { state }]) =>
        [`id-of-${name}`, name, state, "", name, "c0ffee"].join("\t"),
      );
      // Compose prints them by the alphabet.
      const sorted = Object.fromEntries(Object.entries(services).sort());
      const named = Object.fromEntries(networks.map((name) => [name, { name }]));
      await writeFile(place("containers"), `${lines.join("\n")}\n`);
      await writeFile(place("compose.json"), JSON.stringify({ services: sorted, networks: named }));
      await writeFile(place("failing"), `${failing.join("\n")}\n`);
    },
    networksAre: async (networks) => {
      for (const [name, { internal = false, isDoor = false, members }] of Object.entries(
        networks,
      )) {
        const folder = join(place("networks"), name, "members");
        await mkdir(folder, { recursive: true });
        await writeFile(join(place("networks"), name, "kind"), `${internal} bridge\n`);
        if (isDoor) await writeFile(join(place("networks"), name, "label"), "");
        for (const member of members) await writeFile(join(folder, member), "");
      }
    },
    networks: async () => {
      const found: Record<string, string[]> = {};
      for (const name of (await readdir(place("networks"))).sort())
        found[name] = (await readdir(join(place("networks"), name, "members"))).sort();
      return found;
    },
    canNotMake: (services) => writeFile(place("unmade"), `${services.join("\n")}\n`),
    calls: async () => {
      const text = await readFile(place("calls"), "utf8").catch(() => "");
      return text.split("\n").filter((line) => line !== "");
    },
  };
}

/** The server's container as Docker describes it. */
export function inspectedContainer(commit: string, running: boolean): Record<string, unknown> {
  return {
    Id: "0123456789ab",
    Name: "/chatalot-server",
    Image: `sha256:${commit}`,
    RestartCount: 0,
    State: {
      Status: running ? "running" : "exited",
      Running: running,
      StartedAt: "2024-01-01T00:00:00Z",
      ExitCode: 0,
      OOMKilled: false,
    },
    HostConfig: { RestartPolicy: { Name: "no" } },
    Config: { Labels: { "org.opencontainers.image.revision": commit }, Env: [] },
    Mounts: [],
    NetworkSettings: { Networks: {} },
  };
}
