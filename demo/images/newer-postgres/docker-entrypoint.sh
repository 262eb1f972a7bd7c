#!/bin/bash
# As that of the stand-in for postgres:17, and as the official image from 18 on refuses: data of an older
# version where the volume used to be, and a volume that is mounted there for nothing.
set -euo pipefail

own="/var/lib/postgresql/$PG_MAJOR/docker"
if [ "$(id -u)" = "0" ] && [ "$PGDATA" = "$own" ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  for folder in /var/lib/postgresql /var/lib/postgresql/data /var/lib/postgresql/*/docker; do
    if [ -s "$folder/PG_VERSION" ]; then old="$folder"; fi
  done
  if [ -z "${old:-}" ] && grep -q ' /var/lib/postgresql/data ' /proc/self/mounts; then
    old="/var/lib/postgresql/data (unused mount/volume)"
  fi
  if [ -n "${old:-}" ]; then
    echo "Error: in 18+, these Docker images are configured to store database data in a" >&2
    echo "       format which is compatible with pg_ctlcluster; there is data in: $old" >&2
    exit 1
  fi
fi
exec docker-entrypoint-17.sh "$@"
