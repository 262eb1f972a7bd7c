/** What of a running chat is not as the stack's settings would make it. */
import type { ComposeDriver } from "../drivers/compose/compose-driver.ts";
import type { RunningChat } from "../drivers/compose/found-chat.ts";
import type { RenderedRelease } from "../drivers/driver.ts";
import type { Listen } from "../owner-guard.ts";

/** In words, by names: values may be secret. */
export async function differencesOf(
  driver: ComposeDriver,
  rendered: RenderedRelease,
  chat: RunningChat,
  listen: Listen,
): Promise<string[]> {
  const [wanted, others] = await Promise.all([
    driver.wantedEnvironment(rendered),
    driver.otherServices(rendered),
  ]);
  const { environment } = chat.server;
  const variables = Object.keys(wanted)
    .filter((name) => environment.get(name) !== wanted[name])
    .sort();
  const found = chat.listen;
  const isElsewhere = found?.address !== listen.address || found.port !== listen.port;
  const running = [...chat.services.keys()];
  return [
    ...variables.map((name) => `its variable ${name}`),
    ...(isElsewhere ? ["where it is published"] : []),
    ...others
      .filter((name) => !running.includes(name))
      .map((name) => `${name}, which is not running`),
    ...running
      .filter((name) => !others.includes(name))
      .map((name) => `${name}, which runs and is not switched on`),
  ];
}
