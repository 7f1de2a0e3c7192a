/** Keys and certificates for tests, made with openssl: ECDSA P-256, valid for a day. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export class Certificates {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes an authority `ca.crt` in `folder`. */
  static async create(folder: string): Promise<Certificates> {
    const made = new Certificates(folder);
    const usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    const out = ["-keyout", made.file("ca.key"), "-out", made.file("ca.crt")];
    await run("openssl", [
      "req",
      "-x509",
      ...key,
      ...out,
      "-subj",
      "/CN=ca",
      "-days",
      "1",
      ...usage,
    ]);
    return made;
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  read(name: string): Promise<string> {
    return readFile(this.file(name), "utf8");
  }

  server(): Promise<void> {
    const names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
    return this.#issue("server", "/CN=server", `extendedKeyUsage=serverAuth\n${names}\n`);
  }

  /** `name.crt` and `name.key` for a user with groups. */
  client(name: string, user: string, groups: readonly string[]): Promise<void> {
    const subject = `${groups.map((group) => `/O=${group}`).join("")}/CN=${user}`;
    return this.#issue(name, subject, "extendedKeyUsage=clientAuth\n");
  }

  async #issue(name: string, subject: string, extensions: string): Promise<void> {
    const file = (ending: string): string => this.file(`${name}.${ending}`);
    await writeFile(file("ext"), extensions);
    await run("openssl", [
      "req",
      ...key,
      "-keyout",
      file("key"),
      "-out",
      file("csr"),
      "-subj",
      subject,
    ]);
    const authority = [
      "-CA",
      this.file("ca.crt"),
      "-CAkey",
      this.file("ca.key"),
      "-CAcreateserial",
    ];
    const out = ["-out", file("crt"), "-days", "1", "-extfile", file("ext")];
    await run("openssl", ["x509", "-req", "-in", file("csr"), ...authority, ...out]);
  }
}
