/**
 * Reads what Docker Compose reads of a compose file and the `.env` beside it, by the rules of compose-go,
 * written down here a second time: what our own writer means is no measure of what arrives.
 */
import { parse } from "yaml";

/** The variables of a `.env`. */
export function readDotenv(text: string): Record<string, string> {
  const variables: [string, string][] = [];
  let rest = text;
  while (rest !== "") {
    const [start = "", name] = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(rest) ?? [];
    if (name === undefined) throw new Error(`no assignment: ${rest.slice(0, 60)}`);
    const [value, length] = readValue(rest.slice(start.length), Object.fromEntries(variables));
    variables.push([name, value]);
    rest = rest.slice(start.length + length);
    if (!rest.startsWith("\n")) throw new Error(`text after a value: ${rest.slice(0, 60)}`);
    rest = rest.slice(1);
  }
  return Object.fromEntries(variables);
}

function readValue(text: string, known: Record<string, string>): [value: string, length: number] {
  const quote = text[0];
  if (quote !== "'" && quote !== '"') {
    const line = text.slice(0, text.indexOf("\n"));
    const [value = ""] = line.split(/\s+#/);
    return [interpolated(value.trim(), known), line.length];
  }
  let end = 1;
  while (text[end] !== quote) {
    if (end >= text.length) throw new Error("a quote that does not end");
    end += text[end] === "\\" ? 2 : 1;
  }
  const inside = text.slice(1, end);
  if (quote === "'") return [inside.replaceAll("\\'", "'"), end + 1];
  const parts = inside.split(/(\\[^])/);
  const value = parts.map((part) => {
    if (!part.startsWith("\\")) return interpolated(part, known);
    return { "\\n": "\n", "\\r": "\r", "\\t": "\t" }[part] ?? part.slice(1);
  });
  return [value.join(""), end + 1];
}

/** `$$` is a dollar sign; what else stands after one is a variable, as Compose takes it, or refused. */
export function interpolated(text: string, variables: Record<string, string>): string {
  return text.replaceAll(/\$(\$|[A-Za-z_]\w*|\{[^}]*\}?)?/g, (whole, inner: string | undefined) => {
    if (inner === "$") return "$";
    const match = /^(?:(\w+)|\{(\w+)(?::?([-?])([^}]*))?\})$/.exec(inner ?? "");
    const value = variables[match?.[1] ?? match?.[2] ?? ""];
    if (match === null || (value === undefined && match[3] !== "-"))
      throw new Error(`Compose would look for a variable here: ${whole}`);
    return value ?? match[4] ?? "";
  });
}

/** A service as it is started: its environment and labels, with all variables put in. */
export interface StartedService {
  environment: Record<string, string>;
  labels: Record<string, string>;
  ports: string[];
}

/** The project's name and one service of a compose file with the `.env` beside it. */
export function startedService(
  compose: string,
  dotenv: string,
  service = "chatalot",
): { project: unknown; started: StartedService } {
  const variables = readDotenv(dotenv);
  const put = (value: unknown): unknown => {
    if (typeof value === "string") return interpolated(value, variables);
    if (Array.isArray(value)) return value.map(put);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, put(member)]));
  };
  const { name, services } = parse(compose) as { name: string; services: Record<string, unknown> };
  return { project: put(name), started: put(services[service]) as StartedService };
}
