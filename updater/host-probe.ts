/**
 * What is known of a host before anything of ours is on it. Read by one constant POSIX shell
 * program that writes nothing; every value it needs comes as an argument. What takes long runs side by side.
 */

/** Where the updater and its runtime lie on a server, each in a folder named by its SHA-256. */
export const RUNNERS_DIRECTORY = "/usr/local/lib/chatalot-deploy";

/** Arguments: directory, project, port, volumes... */
export const HOST_PROBE = `
directory=$1 project=$2 port=$3
shift 3
say() { printf '%s=%s\\n' "$1" "$2"; }
have() { command -v "$1" >/dev/null 2>&1; }
say system "$(uname -s)"
say machine "$(uname -m)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
if test -d /run/systemd/system; then say systemd "$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')"; fi
for tool in flock tar gzip ss sha256sum sync mktemp; do have "$tool" || say missing "$tool"; done
if have node; then
  node=$(readlink -f "$(command -v node)")
  say node "$(stat -c '%u:%a' "$node") $(node --version 2>/dev/null) $node" &
fi
if have docker; then
  {
    # Asked for in one go: each call of docker costs a tenth of a second.
    answer=$(docker info --format 'docker={{.ServerVersion}}
security={{.SecurityOptions}}
dockerRoot={{.DockerRootDir}}
{{range .ClientInfo.Plugins}}{{if not .Err}}{{if or (eq .Name "compose") (eq .Name "buildx")}}{{.Name}}={{.Version}}
{{end}}{{end}}{{end}}' 2>/dev/null)
    printf '%s\n' "$answer" | grep -v '^docker'
    version=$(printf '%s\n' "$answer" | sed -n 's/^docker=//p')
    say docker "\${version:-silent}"
    root=$(printf '%s\n' "$answer" | sed -n 's/^dockerRoot=//p')
    test -d "$root" && say dockerDisk "$(df -Pk "$root" | sed -n '2p' | tr -s ' ' | cut -d ' ' -f 4)"
  } &
  docker ps --all --filter "label=com.docker.compose.project=$project" --format 'container={{.Names}}' 2>/dev/null &
  docker ps --all --filter 'name=^/?chatalot-server$' --filter 'name=^/?chatalot-db$' --format 'container={{.Names}}' 2>/dev/null &
  docker ps --filter "publish=$port/tcp" --filter "label=com.docker.compose.project=$project" --format 'publisher={{.ID}}' 2>/dev/null &
  docker volume inspect --format '{{.Name}} {{.Mountpoint}}' -- "$@" 2>/dev/null | while read -r volume mount; do
    test -n "$(ls -A "$mount" 2>/dev/null)" && say volume "$volume"
  done &
fi
have ss && ss --listening --tcp --numeric --processes --no-header "sport = :$port" 2>/dev/null |
  while read -r line; do say socket "$line"; done
say memory "$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)"
parent=$directory
while ! test -d "$parent"; do
  test -e "$parent" && say notFolder "$parent"
  parent=$(dirname "$parent")
done
test -w "$parent" || say unwritable "$parent"
say disk "$(df -Pk "$parent" | sed -n '2p' | tr -s ' ' | cut -d ' ' -f 4)"
for file in .env secrets compose.yaml compose.yml docker-compose.yml docker-compose.yaml; do
  test -e "$directory/$file" && say file "$directory/$file"
done
test -f "$directory/.deploy/instance.json" && say instance yes
test -x "$directory/.deploy/runner-node" && say runnerNode "$(readlink -f "$directory/.deploy/runner-node")"
test -f "$directory/.deploy/runner-updater" && say runnerUpdater "$(readlink -f "$directory/.deploy/runner-updater")"
for file in ${RUNNERS_DIRECTORY}/*/*; do test -f "$file" && say runner "$file"; done
wait
exit 0
`;
