import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { readKubeconfig } from "@heddle/kube";
import { writeKubeconfig } from "./kubeconfig.ts";
import { createPki, issueClient, issueServer } from "./pki.ts";

const run = promisify(execFile);
const folder = mkdtempSync(path.join(tmpdir(), "heddle-lab-pki-"));
after(() => rmSync(folder, { recursive: true }));
const made = createPki(path.join(folder, "pki"));

async function verify(certFile: string, purpose: "sslserver" | "sslclient"): Promise<boolean> {
  const { caFile } = await made;
  const args = ["verify", "-CAfile", caFile, "-purpose", purpose, certFile];
  return await run("openssl", args).then(
    () => true,
    () => false,
  );
}

function isOwnersOnly(file: string): boolean {
  return (statSync(file).mode & 0o077) === 0;
}

test("a server's certificate is good for its names, and for nothing but serving", async () => {
  const { certFile, keyFile } = await issueServer(await made, "api", ["IP:127.0.0.1", "DNS:api"]);
  assert.ok(await verify(certFile, "sslserver"));
  assert.equal(await verify(certFile, "sslclient"), false);
  const certificate = new X509Certificate(readFileSync(certFile));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile))));
  assert.equal(certificate.checkIP("127.0.0.1"), "127.0.0.1");
  assert.equal(certificate.checkIP("127.0.0.2"), undefined);
  assert.equal(certificate.checkHost("api"), "api");
  assert.equal(certificate.ca, false);
  assert.ok(isOwnersOnly(keyFile));
});

test("a client's certificate names the user and the groups", async () => {
  const groups = ["heddle:agents", "system:nodes"];
  const { certFile, keyFile } = await issueClient(
    await made,
    "node1",
    "heddle:agent:node1",
    groups,
  );
  assert.ok(await verify(certFile, "sslclient"));
  assert.equal(await verify(certFile, "sslserver"), false);
  const { subject, serialNumber } = new X509Certificate(readFileSync(certFile));
  assert.equal(subject, "O=heddle:agents\nO=system:nodes\nCN=heddle:agent:node1");
  const other = await issueClient(await made, "node2", "heddle:agent:node2", groups);
  assert.notEqual(new X509Certificate(readFileSync(other.certFile)).serialNumber, serialNumber);
  assert.ok(isOwnersOnly(keyFile));
});

test("a client's certificate bears the DNS names it is given, and no others", async () => {
  const pki = await made;
  const names = ["DNS:node1.agents.heddle"];
  const { certFile } = await issueClient(pki, "named", "heddle:agent:node1", ["g"], names);
  assert.ok(await verify(certFile, "sslclient"));
  const named = new X509Certificate(readFileSync(certFile));
  assert.equal(named.subjectAltName, "DNS:node1.agents.heddle");
  const plain = await issueClient(pki, "plain", "viewer", ["g"]);
  assert.equal(new X509Certificate(readFileSync(plain.certFile)).subjectAltName, undefined);
});

test("the authority signs certificates and its key is its owner's", async () => {
  const { caFile } = await made;
  assert.ok(new X509Certificate(readFileSync(caFile)).ca);
  assert.ok(isOwnersOnly(path.join(folder, "pki", "ca.key")));
  assert.ok(isOwnersOnly(path.join(folder, "pki")));
});

test("a kubeconfig holds all that a client needs, and is its owner's", async () => {
  const keyPair = await issueClient(await made, "admin", "admin", ["heddle:admins"]);
  const file = path.join(folder, "admin.kubeconfig");
  const server = "https://127.0.0.1:16443";
  await writeKubeconfig(file, await made, { server, user: "admin", keyPair });
  assert.deepEqual(await readKubeconfig(file), {
    server: new URL(server),
    ca: readFileSync((await made).caFile, "utf8"),
    cert: readFileSync(keyPair.certFile, "utf8"),
    key: readFileSync(keyPair.keyFile, "utf8"),
  });
  assert.ok(isOwnersOnly(file));
});
