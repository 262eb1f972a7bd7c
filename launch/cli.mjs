// What cli/chatalot starts.
import { launch } from "./launch.mjs";

await launch("cli");
