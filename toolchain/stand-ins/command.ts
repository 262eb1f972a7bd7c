import { localCommand } from "./local-command.ts";
import { serve } from "./serve.ts";

declare const STAND_IN_VERSION: string;

void serve({ name: "command", types: { "command:local:Command": localCommand } }, STAND_IN_VERSION);
