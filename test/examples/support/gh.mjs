// Stands in for GitHub's command: what the example's workflows ask of it, on a forge that is one file.
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

const file = process.env.FORGE;
const forge = JSON.parse(readFileSync(file, "utf8"));
const argv = process.argv.slice(2);
const command = argv.slice(0, 2).join(" ");

/** @param {string} flag */
const after = (flag) => argv[argv.indexOf(flag) + 1];

if (command === "auth git-credential") process.exit(0);
else if (argv[0] === "api") api();
else if (command === "pr list") list();
else if (command === "pr create") {
  const number = forge.pulls.length + 1;
  forge.pulls.push({ number, state: "open", head: after("--head"), title: after("--title") });
} else if (command === "pr edit") {
  forge.pulls.find(({ number }) => String(number) === argv[2]).title = after("--title");
} else if (command === "workflow run") {
  forge.started.push([argv[2], after("--ref"), after("-f")].join(" "));
} else throw new Error(`gh ${argv.join(" ")} is not known here`);
writeFileSync(file, JSON.stringify(forge, null, 2));

function api() {
  if (argv.includes("--paginate")) {
    // What the filter says: of bots, the id and the first line.
    const expected = '.[] | select(.user.type == "Bot") | [.id, (.body | split("\\n")[0])] | @tsv';
    if (after("--jq") !== expected) throw new Error(`another filter: ${after("--jq")}`);
    for (const { id, type, body } of forge.comments)
      if (type === "Bot") console.log(`${id}\t${body.split("\n")[0]}`);
    return;
  }
  const path = argv.find((word) => word.startsWith("repos/"));
  const body = readFileSync(after("-F").slice("body=@".length), "utf8");
  if (after("--method") === "POST")
    forge.comments.push({ id: forge.comments.length + 100, type: "Bot", path, body });
  else forge.comments.find(({ id }) => path.endsWith(`/comments/${id}`)).body = body;
}

function list() {
  const pulls = forge.pulls.filter(
    ({ head, state }) =>
      head === after("--head") && (after("--state") === "all" || state === after("--state")),
  );
  if (after("--json") === "title") pulls.forEach(({ title }) => console.log(title));
  else if (pulls.length > 0) console.log(pulls[0].number);
}
