// What provider/pulumi-resource-chatalot starts.
import { launch } from "./launch.mjs";

await launch("provider");
