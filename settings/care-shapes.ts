/** The keys of the sections about the care for a server: alerts, backups, hooks. */
import { program } from "./programs.ts";
import {
  boolean,
  calendar,
  calendarOr,
  duration,
  folderThere,
  integer,
  mail,
  names,
  size,
  webhook,
} from "./values.ts";

/** Keys of `alerts`: whom the server tells that something is wrong with it. */
export const alertsShape = {
  /**
   * An https address that gets each message as JSON: `text` and `content` for people (Slack, Mattermost,
   * Discord show one of them), the rest for programs. Whoever has it can write there, so it is refused where
   * it is not encrypted. Plain http is taken for the server itself alone. A message is sent when it is set;
   * an address that doesn't take it is refused.
   *
   * @default none
   * @example pulumi config set --path --secret alerts.webhook
   */
  webhook: webhook.optional(),
  /**
   * An address that gets each message by mail, through the server's own `/usr/sbin/sendmail` (Postfix, or
   * Debian's msmtp-mta with your mail provider). A server without one is refused.
   *
   * @default none
   * @example pulumi config set --path alerts.mail admin@example.org
   */
  mail: mail.optional(),
  /**
   * How often the server looks. A chat that is away is told at the second look in a row, all else at the
   * first. From "1 minute" to "1 day".
   *
   * @default "5 minutes"
   */
  every: duration("1 minute", "1 day", "5 minutes").default("5 minutes"),
  /**
   * Less free space on the disk of the directory, or on Docker's, is told. "0 MB": never.
   *
   * @default "2 GB"
   */
  diskFree: size("0 MB", "1000 GB", "2 GB").default("2 GB"),
};

/** Keys of `backup`: the dumps that every update takes, and those by the clock. */
export const backupShape = {
  /**
   * How many proven backups of updates stay on the server. Before each change of the release one is
   * taken, and proven by restoring it into a throwaway database. The last proven one always stays, and so
   * does each that was taken by hand. From 1 to 1000.
   *
   * @default 5
   */
  keepLast: integer(1, 1_000, "expected a number from 1 to 1000, for example 5").default(5),
  /**
   * When the server backs itself up besides, by its own clock: a calendar expression of systemd with the
   * name of a time zone at its end. One that falls into a time when the server is off is taken when it is
   * back; one that falls into an update, after it. Each is proven as those of updates are. `npx chatalot
   * status` says when the next comes, how the last went, and warns where backups are too old.
   *
   * @default none: only updates take backups
   * @example pulumi config set --path backup.schedule "*-*-* 03:30 Europe/Berlin"
   */
  schedule: calendar.optional(),
  /**
   * Whether backups by the clock and by hand have the uploads, the configuration and the keys as well: with
   * them a whole server can be made anew (docs/restore.md). Uploads that an earlier backup has are linked to
   * it, so that only new ones take of the disk. Those before an update have the database alone, since no
   * update touches the rest.
   *
   * @default true
   */
  includeFiles: boolean.default(true),
  /**
   * A folder of the server on another disk (a mounted NAS, storage box, USB disk), which gets a copy of each
   * backup by the clock and by hand. One on the same disk is refused, and so is one that others can write to.
   * Refused without `backup.schedule`.
   *
   * @default none
   * @example pulumi config set --path backup.copyTo /mnt/backups
   */
  copyTo: folderThere.optional(),
  /**
   * Public keys of age: copies can then be read by who has one of their private keys alone, and not by who
   * has the other place. Each copy is proven to open. Open one: `npx chatalot backup decrypt`. Refused without
   * `backup.copyTo`.
   *
   * @default none: copies are as the backups are
   * @example pulumi config set --path 'backup.encryptTo[0]' age1...
   */
  encryptTo: names(
    /^age1[02-9ac-hj-np-z]{20,}$/,
    "expected public keys of age, for example age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
  ).default([]),
  /**
   * How many proven backups by the clock stay on the server. From 1 to 1000.
   *
   * @default 7
   */
  keepScheduled: integer(1, 1_000, "expected a number from 1 to 1000, for example 7").default(7),
  /**
   * When the server restores all backups that it has, one after the other, to find those that have become
   * bad on its disk. A calendar expression as of `backup.schedule`, or "never". Means nothing without
   * `backup.schedule`.
   *
   * @default `*-*-01 05:00 UTC`, once a month
   */
  drill: calendarOr("never").default("*-*-01 05:00 UTC"),
};

/** Keys of `hooks`: programs of the operator's around an update, on this machine (docs/hooks.md). */
export const hooksShape = {
  /**
   * Runs on this machine before a chat that serves is changed, by another release or other settings, and
   * only then: not in a preview, not where nothing is to be done, not at the first deployment. Where it
   * fails, nothing is changed. A program, or a list of a program and its arguments; no shell reads it.
   *
   * @default none
   * @example pulumi config set --path hooks.beforeUpdate ~/hooks/announce
   */
  beforeUpdate: program.optional(),
  /**
   * Runs on this machine after such a change was committed and proven healthy. Where it fails, that is told;
   * the change stays.
   *
   * @default none
   * @example pulumi config set --path 'hooks.afterUpdate[0]' ~/hooks/announce
   */
  afterUpdate: program.optional(),
  /**
   * Runs on this machine after such a change has failed, whatever became of it: nothing was touched, the
   * release before serves again, or a person is needed. Where it fails itself, that is told.
   *
   * @default none
   * @example pulumi config set --path hooks.onFailure ~/hooks/alarm
   */
  onFailure: program.optional(),
  /**
   * How long each hook may take, on this machine and on the server. Then it is ended with all that it
   * started, and has failed. From "1 second" to "1 hour".
   *
   * @default "5 minutes"
   */
  timeLimit: duration("1 second", "1 hour", "5 minutes").default("5 minutes"),
};
