import { expect } from "chai";
import { refuseHostVariables } from "../../../updater/runner/variables.ts";

describe("refuseHostVariables", () => {
  for (const name of [
    ...[
      "LD_PRELOAD",
      "LD_LIBRARY_PATH",
      "ld_preload",
      "DOCKER_HOST",
      "DOCKER_CONFIG",
      "COMPOSE_FILE",
    ],
    ...[
      "COMPOSE_PROFILES",
      "BUILDX_CONFIG",
      "BUILDKIT_HOST",
      "GODEBUG",
      "NODE_OPTIONS",
      "PATH",
      "HOME",
    ],
    ...[
      "ENV",
      "BASH_ENV",
      "BASH_FUNC_x%%",
      "TMPDIR",
      "SSH_AUTH_SOCK",
      "GIT_SSH_COMMAND",
      "A B",
      "",
      "A\nB",
    ],
    ...["A=B", "1A"],
  ])
    it(`refuses ${JSON.stringify(name)}, secret or not`, () => {
      for (const members of [{ env: { [name]: "x" } }, { secretEnv: { [name]: "x" } }])
        expect(() => refuseHostVariables(members)).to.throw("can't be set through the runner");
    });

  it("lets Chatalot's own pass", () => {
    const names = ["RUST_LOG", "PUBLIC_URL", "GITHUB_API_TOKEN", "GIPHY_API_KEY", "TURN_USER"];
    const env = Object.fromEntries(names.map((name) => [name, "x"]));
    refuseHostVariables({ env, secretEnv: { VAPID_PRIVATE_KEY: "x", GOOGLE_KEY: "x" } });
  });
});
