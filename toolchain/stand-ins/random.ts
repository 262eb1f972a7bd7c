import { randomPassword } from "./random-password.ts";
import { serve } from "./serve.ts";

declare const STAND_IN_VERSION: string;

void serve(
  { name: "random", types: { "random:index/randomPassword:RandomPassword": randomPassword } },
  STAND_IN_VERSION,
);
