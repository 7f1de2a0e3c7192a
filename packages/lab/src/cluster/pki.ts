/**
 * Keys and certificates of a lab: a CA of its own, one server certificate, one client certificate
 * per user. Made with openssl, ECDSA P-256, valid for ten years; private keys are readable by root
 * only.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const validDays = "3650";

/** Paths of a certificate and its key, PEM. */
export interface KeyPair {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Pki {
  readonly folder: string;
  readonly caFile: string;
}

/** Makes the CA in `folder`. */
export async function createPki(folder: string): Promise<Pki> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const caFile = path.join(folder, "ca.crt");
  await openssl(
    ["req", "-x509", ...newKey(path.join(folder, "ca.key")), "-out", caFile],
    ["-subj", "/CN=heddle-lab-ca", "-days", validDays],
    ["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
  );
  return { folder, caFile };
}

/** A certificate for a server that is reached by these names and addresses. */
export function issueServer(pki: Pki, name: string, altNames: readonly string[]): Promise<KeyPair> {
  return issue(pki, name, `/CN=${name}`, [
    "extendedKeyUsage=serverAuth",
    `subjectAltName=${altNames.join(",")}`,
  ]);
}

/**
 * A client certificate; Kubernetes takes the user from CN and the groups from O, route servers take
 * the node from a DNS name.
 */
export function issueClient(
  pki: Pki,
  file: string,
  user: string,
  groups: readonly string[],
  altNames: readonly string[] = [],
): Promise<KeyPair> {
  const subject = `${groups.map((group) => `/O=${group}`).join("")}/CN=${user}`;
  const names = altNames.length === 0 ? [] : [`subjectAltName=${altNames.join(",")}`];
  return issue(pki, file, subject, ["extendedKeyUsage=clientAuth", ...names]);
}

async function issue(
  pki: Pki,
  name: string,
  subject: string,
  extensions: readonly string[],
): Promise<KeyPair> {
  const base = path.join(pki.folder, name);
  const serial = `0x${randomBytes(15).toString("hex")}`;
  const keyPair = { certFile: `${base}.crt`, keyFile: `${base}.key` };
  await writeFile(
    `${base}.ext`,
    `${["keyUsage=critical,digitalSignature", ...extensions].join("\n")}\n`,
  );
  await openssl([
    "req",
    "-new",
    ...newKey(keyPair.keyFile),
    "-out",
    `${base}.csr`,
    "-subj",
    subject,
  ]);
  await openssl(
    ["x509", "-req", "-in", `${base}.csr`, "-out", keyPair.certFile, "-days", validDays],
    ["-CA", pki.caFile, "-CAkey", path.join(pki.folder, "ca.key"), "-set_serial", serial],
    ["-extfile", `${base}.ext`],
  );
  return keyPair;
}

function newKey(file: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file];
}

/** openssl writes keys with mode 0600. */
async function openssl(...args: readonly (readonly string[])[]): Promise<void> {
  await run("openssl", args.flat());
}
