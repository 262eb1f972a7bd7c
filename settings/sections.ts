import { alertsShape, backupShape, hooksShape } from "./care-shapes.ts";
import {
  buildShape,
  healthShape,
  keepShape,
  listenShape,
  rollbackShape,
  serverShape,
  volumesShape,
} from "./shapes.ts";

/** Keys with keys of their own. Pulumi gives their values as JSON. */
export const SECTIONS: Record<string, readonly string[]> = {
  server: Object.keys(serverShape),
  volumes: Object.keys(volumesShape),
  listen: Object.keys(listenShape),
  health: Object.keys(healthShape),
  keep: Object.keys(keepShape),
  backup: Object.keys(backupShape),
  rollback: Object.keys(rollbackShape),
  alerts: Object.keys(alertsShape),
  build: Object.keys(buildShape),
  hooks: Object.keys(hooksShape),
  env: [],
  secretEnv: [],
  profiles: [],
  sideImages: [],
  moreEnv: [],
};
