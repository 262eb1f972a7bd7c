import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  scryptSync,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";
import type { Database } from "./database.ts";
import { HttpError, readFields, sendJson, type Call, type Route } from "./http.ts";
import type { Settings } from "./settings.ts";

interface Row {
  username: string;
  role: string;
  password_hash: string;
  totp_secret: Buffer;
}

const COLUMNS = "username, role, password_hash, totp_secret";

/**
 * Accounts, as far as a deployment can break them: the first one becomes the owner, tokens are
 * signed with the JWT key, and second factors are encrypted with the TOTP key.
 */
export class Accounts {
  readonly routes: Route[] = [
    {
      method: "POST",
      path: /^\/api\/register$/,
      handle: (call) => this.#register(call),
      isSignIn: true,
    },
    { method: "POST", path: /^\/api\/login$/, handle: (call) => this.#logIn(call), isSignIn: true },
    { method: "GET", path: /^\/api\/me$/, handle: (call) => this.#me(call) },
  ];

  constructor(
    private readonly database: Database,
    private readonly settings: Settings,
  ) {}

  async #register({ request, response }: Call): Promise<void> {
    const { username, password } = await readFields(request);
    if (!username || !password) throw new HttpError(400, '"username" and "password" are required');
    const role = await this.database.use(async (client) => {
      await client.query("BEGIN");
      try {
        await client.query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE");
        const found = await client.query<{ count: string }>("SELECT count(*) FROM users");
        const isFirst = found.rows[0]?.count === "0";
        // Whoever comes first owns the server, in every registration mode.
        if (!isFirst && this.settings.registrationMode !== "open") {
          throw new HttpError(403, "registration needs an invitation");
        }
        const role = isFirst ? "owner" : "member";
        await client.query(`INSERT INTO users (${COLUMNS}) VALUES ($1, $2, $3, $4)`, [
          username,
          role,
          hashPassword(password),
          this.#encrypt(randomBytes(20)),
        ]);
        await client.query("COMMIT");
        return role;
      } catch (error) {
        await client.query("ROLLBACK").catch(() => undefined);
        throw isDuplicate(error) ? new HttpError(409, "the name is taken") : error;
      }
    });
    sendJson(response, 201, { username, role, token: this.#issueToken(username) });
  }

  async #logIn({ request, response }: Call): Promise<void> {
    const { username = "", password = "" } = await readFields(request);
    const row = await this.#find(username);
    if (row === undefined || !matchesPassword(password, row.password_hash)) {
      throw new HttpError(401, "wrong name or password");
    }
    sendJson(response, 200, { username, role: row.role, token: this.#issueToken(username) });
  }

  async #me({ request, response }: Call): Promise<void> {
    const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    const row = await this.#find(this.#readToken(token));
    if (row === undefined) throw new HttpError(401, "no such account");
    const secondFactor = this.#canDecrypt(row.totp_secret) ? "readable" : "unreadable";
    sendJson(response, 200, { username: row.username, role: row.role, secondFactor });
  }

  async #find(username: string): Promise<Row | undefined> {
    return this.database.use(async (client) => {
      const found = await client.query<Row>(`SELECT ${COLUMNS} FROM users WHERE username = $1`, [
        username,
      ]);
      return found.rows[0];
    });
  }

  #issueToken(username: string): string {
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString("base64url");
    const expires = Math.floor(Date.now() / 1_000) + 30 * 86_400;
    const text = `${part({ alg: "EdDSA", typ: "JWT" })}.${part({ sub: username, exp: expires })}`;
    return `${text}.${sign(null, Buffer.from(text), this.settings.privateKey).toString("base64url")}`;
  }

  #readToken(token: string): string {
    const [header = "", payload = "", signature = ""] = token.split(".");
    const isGenuine = verify(
      null,
      Buffer.from(`${header}.${payload}`),
      this.settings.publicKey,
      Buffer.from(signature, "base64url"),
    );
    if (!isGenuine) throw new HttpError(401, "the token is not valid");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as {
      sub: string;
      exp: number;
    };
    if (claims.exp < Date.now() / 1_000) throw new HttpError(401, "the token has expired");
    return claims.sub;
  }

  #encrypt(secret: Buffer): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.settings.totpKey, nonce);
    const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
  }

  #canDecrypt(sealed: Buffer): boolean {
    const decipher = createDecipheriv("aes-256-gcm", this.settings.totpKey, sealed.subarray(0, 12));
    decipher.setAuthTag(sealed.subarray(12, 28));
    try {
      decipher.update(sealed.subarray(28));
      decipher.final();
      return true;
    } catch {
      return false;
    }
  }
}

function hashPassword(password: string): string {
  const salt = randomBytes(16);
  return `${salt.toString("hex")}:${scryptSync(password, salt, 32).toString("hex")}`;
}

function matchesPassword(password: string, stored: string): boolean {
  const [salt = "", hash = ""] = stored.split(":").map((part) => Buffer.from(part, "hex"));
  return timingSafeEqual(scryptSync(password, salt, 32), Buffer.from(hash));
}

function isDuplicate(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "23505";
}
