/** This machine as one that can build images, whatever its Docker lacks. */
import { execa } from "execa";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DemoServer } from "../../../demo/server/index.ts";

/** For the tests of the suite that calls this. */
export function useLocalBuilds(server: () => DemoServer): void {
  let configuration: string;
  const formerConfiguration = process.env.DOCKER_CONFIG;

  before(async () => {
    const demo = server();
    // This machine's Docker may lack buildx; the server's is taken then.
    configuration = await mkdtemp(join(tmpdir(), "chatalot-deploy-docker-"));
    const plugins = join(configuration, "cli-plugins");
    await mkdir(plugins);
    const source = `${demo.container}:/usr/libexec/docker/cli-plugins/docker-buildx`;
    await execa("docker", ["cp", source, join(plugins, "docker-buildx")], { timeout: 60_000 });
    for (const { name, reference } of demo.baseImages)
      if (name !== reference) await execa("docker", ["tag", reference, name]);
    process.env.DOCKER_CONFIG = configuration;
  });
  after(async () => {
    if (formerConfiguration === undefined) delete process.env.DOCKER_CONFIG;
    else process.env.DOCKER_CONFIG = formerConfiguration;
    await rm(configuration, { recursive: true, force: true });
    // Left behind, they would pass for the real images.
    for (const { name, reference } of server().baseImages)
      if (name !== reference) await execa("docker", ["rmi", name]);
  });
}
