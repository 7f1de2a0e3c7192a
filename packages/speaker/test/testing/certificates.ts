/** Certificates for tests: an authority, and what it signs. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TlsConfig } from "../../src/mod.ts";

export class Authority implements Disposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), "ht-tls-"));

  constructor() {
    const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    this.#openssl(...args, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2");
  }

  /** A certificate with the DNS name, and its key. */
  sign(name: string): TlsConfig {
    writeFileSync(this.#at(`${name}.ext`), `subjectAltName=DNS:${name}\n`);
    const request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    this.#openssl(...request, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", "/CN=x");
    const signing = ["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key"];
    this.#openssl(...signing, "-days", "2", "-extfile", `${name}.ext`, "-out", `${name}.pem`);
    return {
      certificate: this.#read(`${name}.pem`),
      key: this.#read(`${name}.key`),
      authorities: this.#read("ca.pem"),
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #at(file: string): string {
    return path.join(this.#folder, file);
  }

  #read(file: string): string {
    return readFileSync(this.#at(file), "utf8");
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] });
  }
}
