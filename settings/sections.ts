import {
  alertsShape,
  backupShape,
  buildShape,
  healthShape,
  hooksShape,
  keepShape,
  listenShape,
  rollbackShape,
  serverShape,
} from "./shapes.ts";

/** Keys that are planned, with what they are for. */
export const LATER: Record<string, string> = {
  "backup.copyTo": "copies of the backups at another place",
  "backup.encryptTo": "encrypted backups",
};

/** Keys with keys of their own. Pulumi gives their values as JSON. */
export const SECTIONS: Record<string, readonly string[]> = {
  server: Object.keys(serverShape),
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
