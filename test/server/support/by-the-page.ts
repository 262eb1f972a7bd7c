/** What Chatalot's own page has its readers type. */
import type { DemoServer } from "../../../demo/server/index.ts";
import { DIRECTORY } from "./fixture.ts";
import { DATABASE, shell } from "./looks.ts";

/**
 * Starts everything in the instance's folder. The database comes first, and is waited for here: Compose gives
 * one up that is made for more than 25 s, as on a slow disk.
 */
export async function composeUp(demo: DemoServer): Promise<void> {
  const script = `cd "$1"; docker compose up --detach --quiet-pull postgres
    for try in $(seq 300); do
      health=$(docker inspect --format '{{.State.Health.Status}}' "$2")
      test "$health" = healthy && exec docker compose up --detach --quiet-pull
      sleep 1
    done
    echo "the database is $health" >&2; exit 1`;
  await shell(demo, script, DIRECTORY, DATABASE);
}
