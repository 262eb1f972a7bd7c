/**
 * The process behind the package "chatalot". The engine starts it and talks to it over gRPC; the
 * first line that it prints has to be its port, so nothing else is ever printed here.
 */

// Read by the SDK when it is loaded: with it pulumi.log reaches the engine from a provider.
process.env.PULUMI_NODEJS_ENGINE = process.argv.at(-1);

const { provider } = await import("@pulumi/pulumi");
const { ChatalotProvider } = await import("./dispatch.ts");
const { RemoteServer } = await import("./server/remote-server.ts");

const chatalot = new ChatalotProvider();

/** When the engine is gone, nobody is left to report to: jobs go on without us. */
const end = (): void => {
  void chatalot
    .cancel()
    .then(() => RemoteServer.closeAll())
    .finally(() => process.exit(0));
  setTimeout(() => process.exit(0), 4_000).unref();
};
process.stdin.on("end", end).on("error", end).resume();
process.once("SIGINT", end);
process.once("SIGTERM", end);

await provider.main(chatalot, process.argv.slice(2));
