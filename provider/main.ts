/**
 * The process behind the package "chatalot". The engine starts it and talks to it over gRPC; the
 * first line that it prints has to be its port, so nothing else is ever printed here.
 */
import { ChatalotProvider } from "./dispatch.ts";
import { servePlugin } from "./engine/serve.ts";
import { makeService } from "./engine/service.ts";

const chatalot = new ChatalotProvider();

// When the engine is gone, nobody is left to report to: jobs go on without us.
void servePlugin({ service: makeService(chatalot), end: () => chatalot.cancel() });
