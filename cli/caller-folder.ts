/**
 * The launcher in a stack's folder goes there before it starts the command, so that pulumi finds the stack from
 * everywhere. A path on the command line means the folder that it was called from all the same.
 */
import { resolve } from "node:path";
import type { Command } from "commander";

/** The variable by which the launcher hands on the folder that it was called from. */
export const CALLER_FOLDER = "CHATALOT_CALLER_FOLDER";

/** What an option or argument is called in the help where it is a path. */
const PATH = /<(?:file|folder|path)>/;

/** On the server, not on this machine. */
const ELSEWHERE = ["directory"];

/** Makes the relative paths of a command absolute before it begins. */
export function resolvePathsOfCaller(program: Command): void {
  program.hook("preAction", (_program, command) => {
    const folder = process.env[CALLER_FOLDER];
    // Nothing that this starts is called from there: a hook's own command may be called from elsewhere.
    Reflect.deleteProperty(process.env, CALLER_FOLDER);
    if (folder !== undefined && folder !== "") resolvePaths(command, folder);
  });
}

function resolvePaths(command: Command, folder: string): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (!PATH.test(option.flags) || ELSEWHERE.includes(name)) continue;
    const value: unknown = command.getOptionValue(name);
    const source = command.getOptionValueSource(name);
    if (isRelative(value))
      command.setOptionValueWithSource(name, resolve(folder, value), source ?? "cli");
  }
  command.registeredArguments.forEach((argument, index) => {
    const value: unknown = command.processedArgs[index];
    if (PATH.test(`<${argument.name()}>`) && isRelative(value))
      command.processedArgs[index] = resolve(folder, value);
  });
}

/** A path in the home folder is one for every folder, and stands so in settings. */
function isRelative(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.startsWith("~/");
}
