const wayOut = "Use a machine that can download Pulumi's plugins";

/** Says that a resource type is none of those that the stand-in is made for. */
export function typeNotCovered(plugin: string, type: string): string {
  return (
    `Cannot work on ${type}: this machine has a stand-in for Pulumi's ${plugin} plugin, and it ` +
    `does not cover this type. ${wayOut}.`
  );
}

/** Says that an input is none of those that the stand-in is made for. */
export function inputNotCovered(plugin: string, input: string): string {
  return `"${input}" is not covered by the stand-in for Pulumi's ${plugin} plugin. ${wayOut}.`;
}

/** Says that an operation is none of those that the stand-in is made for. */
export function operationNotCovered(plugin: string, operation: string): string {
  return (
    `Cannot do ${operation}: this machine has a stand-in for Pulumi's ${plugin} plugin, and it ` +
    `does not cover this. ${wayOut}.`
  );
}
