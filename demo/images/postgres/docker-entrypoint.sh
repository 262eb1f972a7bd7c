#!/bin/bash
# Keeps the contract of the official image's entry point: an empty data directory is initialised
# from POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB (or the files named by *_FILE), a filled one
# is started as it is, and PostgreSQL never runs as root.
set -euo pipefail

if [ "${1:0:1}" = "-" ]; then set -- postgres "$@"; fi
if [ "$1" != "postgres" ]; then exec "$@"; fi

if [ "$(id -u)" = "0" ]; then
  mkdir -p "$PGDATA"
  chmod 0700 "$PGDATA"
  find "$PGDATA" ! -user postgres -exec chown postgres '{}' +
  find /var/run/postgresql ! -user postgres -exec chown postgres '{}' + || true
  exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi

# The value of a variable or the content of the file that <name>_FILE names.
setting() {
  local name="$1" file_name="$1_FILE"
  if [ -n "${!name:-}" ] && [ -n "${!file_name:-}" ]; then
    echo "error: both $name and $file_name are set (but are exclusive)" >&2
    exit 1
  fi
  if [ -n "${!file_name:-}" ]; then cat "${!file_name}"; else printf '%s' "${!name:-${2:-}}"; fi
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  user="$(setting POSTGRES_USER postgres)"
  password="$(setting POSTGRES_PASSWORD)"
  database="$(setting POSTGRES_DB "$user")"
  method="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}"
  if [ -z "$password" ] && [ "$method" != "trust" ]; then
    echo "Error: Database is uninitialized and superuser password is not specified." >&2
    echo "       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser." >&2
    exit 1
  fi

  read -r -a more <<<"${POSTGRES_INITDB_ARGS:-}"
  if [ -n "$password" ]; then
    initdb --username="$user" --pwfile=<(printf '%s\n' "$password") "${more[@]}"
  else
    initdb --username="$user" "${more[@]}"
  fi
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

  # Only the socket answers while the database is being prepared.
  PGUSER="$user" pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  if [ "$database" != "postgres" ]; then
    psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$user" --dbname postgres \
      --set database="$database" <<<'CREATE DATABASE :"database";'
  fi
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh) . "$file" ;;
      *.sql) psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$user" --dbname "$database" -f "$file" ;;
    esac
  done
  PGUSER="$user" pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD
  echo "PostgreSQL init process complete; ready for start up."
else
  echo "PostgreSQL Database directory appears to contain a database; Skipping initialization"
fi

exec "$@"
