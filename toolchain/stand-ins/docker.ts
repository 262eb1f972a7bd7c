import { dockerConfiguration } from "./docker-host.ts";
import { dockerVolume } from "./docker-volume.ts";
import { serve } from "./serve.ts";

declare const STAND_IN_VERSION: string;

void serve(
  {
    name: "docker",
    types: { "docker:index/volume:Volume": dockerVolume },
    configuration: dockerConfiguration,
  },
  STAND_IN_VERSION,
);
