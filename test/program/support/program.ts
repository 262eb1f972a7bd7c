/** Runs the program with Pulumi's mocks: every resource is made up, none is made. */
import * as pulumi from "@pulumi/pulumi";

/** A resource as the program registered it. */
export interface Created {
  type: string;
  name: string;
  /** Secrets are in envelopes. */
  inputs: Record<string, unknown>;
  /** The URN of the parent. */
  parent: string;
  protect: boolean;
  retainOnDelete: boolean;
  /** URNs of what has to be there first. */
  dependencies: string[];
}

/** What the SDK asks of the engine, as far as mocks don't tell it. */
interface Registration {
  getParent(): string;
  getProtect(): boolean;
  getRetainondelete(): boolean;
  getDependenciesList(): string[];
}

interface Monitor {
  registerResource(registration: Registration, ...rest: unknown[]): unknown;
}

/** What the mocked RandomPassword makes: fixed, so that what is derived from it is known. */
export const ROOT = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZab";
export const DATABASE_PASSWORD = "databasePassword0123456789abcdef";

/** What the provider would answer for the release. */
export const RESOLVED = {
  commit: "1".repeat(40),
  crateVersion: "0.17.0",
  webVersion: "0.22.6",
  migrations: { "001_users.sql": "a".repeat(96) },
};

const OUTPUTS: Record<string, (inputs: Created["inputs"]) => Record<string, unknown>> = {
  "random:index/randomPassword:RandomPassword": ({ length }) => ({
    result: length === ROOT.length ? ROOT : DATABASE_PASSWORD,
  }),
  "chatalot:index:Host": () => ({ system: "x86_64", docker: "24.0.7" }),
  "chatalot:index:Release": () => RESOLVED,
  "chatalot:index:Deployment": () => ({ instanceId: "instance-a", sequence: 3 }),
  "chatalot:index:Health": () => ({ status: "ok", version: "0.17.0" }),
};

/** What the program made and exported, when all of it is settled. */
export interface Program {
  created: Created[];
  exports: Record<string, unknown>;
  find(type: string, name: string): Created;
}

/** The value of an output that the program has settled. */
export function unwrap<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

let runs = 0;

/** @param configuration as `pulumi config set` writes it; `secretEnv` is encrypted */
export async function runProgram(configuration: Record<string, string>): Promise<Program> {
  const created: Created[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const given = inputs as Created["inputs"];
        const options = { parent: "", protect: false, retainOnDelete: false, dependencies: [] };
        created.push({ type, name, inputs: given, ...options });
        return { id: `${name}-id`, state: { ...given, ...OUTPUTS[type]?.(given) } };
      },
      call: ({ token }) => {
        throw new Error(`Mock call not implemented: ${token}`);
      },
    },
    "chatalot-deploy",
    "test",
  );
  watchOptions(created);
  pulumi.runtime.setAllConfig(
    Object.fromEntries(
      Object.entries(configuration).map(([key, value]) => [`chatalot-deploy:${key}`, value]),
    ),
    ["chatalot-deploy:secretEnv"],
  );
  // A program runs when it is loaded, and a module is loaded once for each address.
  runs += 1;
  const exports = (await import(`../../../index.ts?run=${runs}`)) as Record<string, unknown>;
  await settled(created);
  return {
    created,
    exports,
    find(type, name) {
      const found = created.find((resource) => resource.type === type && resource.name === name);
      if (found === undefined) throw new Error(`the program made no ${type} ${name}`);
      return found;
    },
  };
}

/** Mocks are not told the options of a resource, so the request is read before they get it. */
function watchOptions(created: Created[]): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (registration, ...rest) => {
    // The mock is called within this call, so the last one is its resource.
    const result = register(registration, ...rest);
    const resource = created.at(-1);
    if (resource !== undefined)
      Object.assign(resource, {
        parent: registration.getParent(),
        protect: registration.getProtect(),
        retainOnDelete: registration.getRetainondelete(),
        dependencies: registration.getDependenciesList(),
      });
    return result;
  };
}

/** Pulumi has no public way to wait for everything; this one is left out of its types only. */
async function settled(created: Created[]): Promise<void> {
  const { waitForRPCs } = pulumi.runtime as { waitForRPCs?: () => Promise<void> };
  if (waitForRPCs === undefined) throw new Error("this version of Pulumi has no waitForRPCs");
  let before: number;
  do {
    before = created.length;
    await waitForRPCs();
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (created.length !== before);
}
