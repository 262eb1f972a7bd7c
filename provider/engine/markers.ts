/** How Pulumi marks values that JSON has no form for, on the wire and in its state. */

/** The key that says of an object what it stands for. */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** What {@link SIGNATURE} is for a secret; the value itself is beside it as `value`. */
export const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";

/** What stands in a preview for a value that is not known yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
