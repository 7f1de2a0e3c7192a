/**
 * Controllers as processes, against the API server as a process over TLS: what the role of group
 * heddle:controllers allows is enough, one of two writes, and the other one takes over.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import {
  defaulted,
  ipPoolKind,
  leaseKind,
  nodeKind,
  subnetKind,
  type Vpc,
  vpcKind,
} from "@heddle/api";
import { HttpStore } from "@heddle/kube";
import { eventually, RunningMain } from "@heddle/system/testing";

const mainOf = (app: string): string =>
  path.resolve(import.meta.dirname, "../..", app, "src/main.ts");
const lease = { namespace: "kube-system", name: "heddle-controller" };
const adminToken = "admin-token-0123456789";
const apiVersion = "heddle.io/v1alpha1" as const;

let folder: string;
let server: RunningMain;
let url: string;
let admin: HttpStore;
const children: RunningMain[] = [];
const file = (name: string): string => path.join(folder, name);

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: "ignore" });
}

function issue(name: string, subject: string, extension: string): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const request = ["-keyout", file(`${name}.key`), "-out", file(`${name}.csr`), "-subj", subject];
  openssl("req", "-new", ...key, ...request);
  writeFileSync(file(`${name}.ext`), `${extension}\n`);
  const signed = ["-in", file(`${name}.csr`), "-out", file(`${name}.crt`), "-days", "1"];
  const by = ["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial"];
  openssl("x509", "-req", ...signed, ...by, "-extfile", file(`${name}.ext`));
}

function writeKubeconfig(name: string, user: object): string {
  const document = {
    ...{ apiVersion: "v1", kind: "Config", "current-context": "c" },
    clusters: [{ name: "c", cluster: { server: url, "certificate-authority": file("ca.crt") } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  };
  const kubeconfig = file(`${name}.kubeconfig`);
  writeFileSync(kubeconfig, JSON.stringify(document));
  return kubeconfig;
}

function startController(user: string, identity: string): RunningMain {
  issue(user, `/O=heddle:${user}s/CN=${user}`, "extendedKeyUsage=clientAuth");
  const kubeconfig = writeKubeconfig(user, {
    "client-certificate": file(`${user}.crt`),
    "client-key": file(`${user}.key`),
  });
  const options = ["--identity", identity, "--listen", "127.0.0.1:0", "--log-level", "debug"];
  const controller = new RunningMain(mainOf("controller"), "--kubeconfig", kubeconfig, ...options);
  children.push(controller);
  return controller;
}

async function ask(controller: RunningMain, route: string): Promise<readonly [number, string]> {
  const { probes } = await controller.line("the controller runs");
  const answer = await fetch(`http://${probes}${route}`);
  return [answer.status, await answer.text()];
}

async function isLeader(controller: RunningMain): Promise<boolean> {
  return (await ask(controller, "/metrics"))[1].includes("heddle_controller_leader 1\n");
}

async function createVpc(name: string): Promise<void> {
  const source = { apiVersion, kind: "Vpc", metadata: { name }, spec: {} } as const;
  await admin.create(vpcKind, defaulted(vpcKind, source));
}

async function vrfIdOf(name: string): Promise<number | undefined> {
  const { status }: Vpc = await admin.get(vpcKind, { name });
  return status?.vrfId;
}

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "heddle-controller-"));
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const out = ["-keyout", file("ca.key"), "-out", file("ca.crt")];
  openssl("req", "-x509", ...key, ...out, "-subj", "/CN=ca", "-days", "1");
  issue("server", "/CN=server", "subjectAltName=IP:127.0.0.1");
  writeFileSync(file("tokens"), `${adminToken},admin,1,"heddle:admins"\n`);
  server = new RunningMain(
    mainOf("apiserver"),
    ...["--listen", "127.0.0.1:0", "--data-dir", file("data"), "--client-ca", file("ca.crt")],
    ...["--tls-cert", file("server.crt"), "--tls-key", file("server.key")],
    ...["--token-file", file("tokens")],
  );
  children.push(server);
  const { addresses } = await server.line("the server is ready");
  url = `https://${(addresses as readonly string[])[0]}`;
  admin = await HttpStore.fromKubeconfig(writeKubeconfig("admin", { token: adminToken }));
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } } as const;
  await admin.create(nodeKind, defaulted(nodeKind, node));
  const cidrs = ["10.244.0.0/16"];
  const metadata = { name: "pods" };
  const subnet = { apiVersion, kind: "Subnet", metadata, spec: { cidrs } } as const;
  await admin.create(subnetKind, defaulted(subnetKind, subnet));
  const spec = { subnet: "pods", cidr: "10.244.0.0/24" };
  const pool = { apiVersion, kind: "IPPool", metadata: { name: "a" }, spec } as const;
  await admin.create(ipPoolKind, defaulted(ipPoolKind, pool));
});

after(() => {
  for (const { child } of children) child.kill("SIGKILL");
  admin[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

test("two controllers with the role: one writes, and the other takes over from one that stops", async () => {
  await createVpc("blue");
  const replicas = [startController("controller", "a"), startController("controller", "b")];
  assert.equal(await eventually("a VRF id", () => vrfIdOf("blue")), 1);
  const capacity = await eventually("a pool's capacity", async () => {
    const { status } = await admin.get(ipPoolKind, { name: "a" });
    return status?.capacity;
  });
  assert.equal(capacity, 255);
  for (const each of replicas) {
    await eventually("ready", async () =>
      (await ask(each, "/readyz"))[0] === 200 ? true : undefined,
    );
    assert.deepEqual(await ask(each, "/healthz"), [200, "ok\n"]);
    assert.equal((await ask(each, "/nothing"))[0], 404);
  }
  const leads = await Promise.all(replicas.map(isLeader));
  assert.deepEqual(leads.toSorted(), [false, true]);
  const [leader, standby] = leads[0] ? replicas : replicas.toReversed();
  assert.ok(leader !== undefined && standby !== undefined);
  const refused = [...leader.lines, ...standby.lines].filter(({ level }) => level === "error");
  assert.deepEqual(refused, []);

  const stoppedMs = performance.now();
  assert.deepEqual(await leader.end(), [0, null]);
  assert.ok(leader.lines.some(({ msg }) => msg === "the Lease is given up"));
  await createVpc("green");
  assert.equal(await eventually("the next VRF id", () => vrfIdOf("green")), 2);
  const takenMs = Math.round(performance.now() - stoppedMs);
  console.log(`a VRF id from the other controller ${takenMs} ms after SIGTERM`);
  assert.ok(takenMs < 8_000);
  const { spec } = await admin.get(leaseKind, lease);
  assert.deepEqual([spec.holderIdentity, spec.leaseTransitions], [leads[0] ? "b" : "a", 1]);
  assert.deepEqual(await standby.end(), [0, null]);
  assert.equal((await admin.get(leaseKind, lease)).spec.holderIdentity, "");
});

test("a controller without the role says so in a line, and stays a candidate", async () => {
  const viewer = startController("viewer", "v");
  const { error, lease: wanted } = await viewer.line("cannot reach the Lease");
  assert.equal(wanted, lease.name);
  assert.match(
    (error as { message: string }).message,
    /"heddle-controller" is forbidden: User "viewer" cannot update resource "leases"/,
  );
  assert.equal(await isLeader(viewer), false);
  assert.deepEqual(await viewer.end(), [0, null]);
});
