/** What people do with kubectl, done with real ones. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, describe, test } from "node:test";
import { subnetKind } from "@heddle/api";
import { collect, findKubectls, type Kubectl, KubectlSession } from "./kubectl.ts";
import { removeCertificates, startTestServer, type TestServer } from "./test-server.ts";

after(removeCertificates);

interface Opened extends AsyncDisposable {
  readonly server: TestServer;
  readonly kubectl: KubectlSession;
}

async function open(
  kubectl: Kubectl,
  user: "admin" | "agent" | "viewer" = "admin",
): Promise<Opened> {
  const server = await startTestServer();
  const session = new KubectlSession(kubectl, server.kubeconfig(user), server.folder);
  return { server, kubectl: session, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const subnet = (cidr: string, name = "web"): string => `
apiVersion: heddle.io/v1alpha1
kind: Subnet
metadata: {name: ${name}}
spec: {cidrs: ["${cidr}"]}
`;

const configMap = (value: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {color: ${value}}
`;

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: example/web}
      - {name: side, image: example/side}
`;

function held(finalizers: readonly string[]): string {
  return JSON.stringify({ metadata: { finalizers } });
}

const pod = `
apiVersion: v1
kind: Pod
metadata: {name: web-0}
spec: {nodeName: n1, containers: [{name: main, image: example/web}]}
`;

const kubectls = await findKubectls();
if (kubectls.length === 0) {
  test("kubectl", { skip: "no kubectl on PATH and none in HEDDLE_KUBECTL" }, () => {});
}
for (const kubectl of kubectls) {
  describe(`kubectl ${kubectl.version}`, () => {
    discovery(kubectl);
    applying(kubectl);
    creating(kubectl);
    reading(kubectl);
    patching(kubectl);
    deleting(kubectl);
    refusing(kubectl);
  });
}

function discovery(kubectl: Kubectl): void {
  test("api-resources, api-versions and version", async () => {
    await using opened = await open(kubectl);
    const resources = await opened.kubectl.ok(["api-resources"]);
    assert.match(resources, /^subnets +sn +heddle\.io\/v1alpha1 +false +Subnet$/m);
    assert.match(resources, /^deployments +deploy +apps\/v1 +true +Deployment$/m);
    const versions = await opened.kubectl.ok(["api-versions"]);
    assert.match(versions, /^networking\.k8s\.io\/v1$/m);
    const version = JSON.parse(await opened.kubectl.ok(["version", "-o", "json"]));
    assert.match(version.serverVersion.gitVersion, /^v1\.\d+\.\d+\+heddle/);
  });

  test("explain shows fields with their descriptions", async () => {
    await using opened = await open(kubectl);
    const cidrs = await opened.kubectl.ok(["explain", "subnet.spec.cidrs"]);
    assert.match(cidrs, /Address prefixes of the subnet/);
    assert.match(cidrs, /\[\]string/);
    const containers = await opened.kubectl.ok(["explain", "pod.spec.containers"]);
    assert.match(containers, /image\s+<string>/);
    const all = await opened.kubectl.ok(["explain", "ippools", "--recursive"]);
    assert.match(all, /blockLength/);
  });
}

function applying(kubectl: Kubectl): void {
  test("apply creates, leaves alone and updates", async () => {
    await using opened = await open(kubectl);
    const apply = (text: string) => opened.kubectl.ok(["apply", "-f", "-"], text);
    assert.equal(await apply(subnet("10.0.0.0/16")), "subnet.heddle.io/web created\n");
    assert.equal(await apply(subnet("10.0.0.0/16")), "subnet.heddle.io/web unchanged\n");
    assert.equal(await apply(configMap("red")), "configmap/settings created\n");
    assert.equal(await apply(configMap("blue")), "configmap/settings configured\n");
    const color = ["get", "configmap", "settings", "-o", "jsonpath={.data.color}"];
    assert.equal(await opened.kubectl.ok(color), "blue");
    assert.equal(await apply(deployment), "deployment.apps/web created\n");
    assert.equal(await apply(deployment), "deployment.apps/web unchanged\n");
    const more = deployment.replace("replicas: 2", "replicas: 3").replace(/.*side.*\n/, "");
    assert.equal(await apply(more), "deployment.apps/web configured\n");
    const path = "jsonpath={.spec.replicas} {.spec.template.spec.containers[*].name}";
    assert.equal(await opened.kubectl.ok(["get", "deployment", "web", "-o", path]), "3 main");
  });

  test("--dry-run=server decides and keeps nothing", async () => {
    await using opened = await open(kubectl);
    const dry = ["apply", "--dry-run=server", "-f", "-"];
    const said = await opened.kubectl.ok(dry, subnet("10.0.0.0/16"));
    assert.equal(said, "subnet.heddle.io/web created (server dry run)\n");
    assert.match(await opened.kubectl.refused(dry, subnet("10.0.0.1/16")), /host bits/);
    assert.match(await opened.kubectl.refused(["get", "subnet", "web"]), /not found/);
  });

  test("edit changes what the editor changes", async () => {
    await using opened = await open(kubectl);
    await opened.kubectl.ok(["apply", "-f", "-"], configMap("red"));
    const editor = path.join(opened.server.folder, "editor.sh");
    await writeFile(editor, '#!/bin/sh\nsed -i "s/color: red/color: green/" "$1"\n');
    await chmod(editor, 0o755);
    await opened.kubectl.ok(["edit", "configmap", "settings"], "", { KUBE_EDITOR: editor });
    const color = ["get", "configmap", "settings", "-o", "jsonpath={.data.color}"];
    assert.equal(await opened.kubectl.ok(color), "green");
  });

  test("create, label, annotate, scale, replace and diff", async () => {
    await using opened = await open(kubectl);
    const { kubectl: k } = opened;
    await k.ok(["create", "namespace", "team"]);
    await k.ok(["-n", "team", "create", "-f", "-"], deployment);
    await k.ok(["-n", "team", "scale", "deployment", "web", "--replicas=5"]);
    await k.ok(["-n", "team", "label", "deployment", "web", "tier=front"]);
    await k.ok(["-n", "team", "annotate", "deployment", "web", "example.com/note=x"]);
    const path = "jsonpath={.spec.replicas} {.metadata.labels.tier} {.metadata.generation}";
    assert.equal(await k.ok(["-n", "team", "get", "deploy", "web", "-o", path]), "5 front 2");
    const replaced = await k.ok(["-n", "team", "replace", "-f", "-"], deployment);
    assert.equal(replaced, "deployment.apps/web replaced\n");
  });
}

/** What the client would send, against what the server has got: kubectl sends some as protobuf. */
function creating(kubectl: Kubectl): void {
  for (const args of [
    ["namespace", "n"],
    ["configmap", "c", "--from-literal=a=b", "--from-literal=empty="],
    ["secret", "generic", "s", "--from-literal=password=x y"],
    ["service", "clusterip", "s", "--tcp=80:8080", "--tcp=443:https"],
    ["service", "externalname", "s", "--external-name=example.com"],
    ["deployment", "d", "--image=a/b", "--image=c/d", "--replicas=0"],
    ["deployment", "d", "--image=a/b", "--port=80", "--", "sh", "-c", "sleep 1"],
  ]) {
    test(`create ${args.join(" ")}`, async () => {
      await using opened = await open(kubectl);
      const [wanted, made] = [
        await opened.kubectl.ok(withOutput(args, "--dry-run=client")),
        await opened.kubectl.ok(withOutput(args)),
      ].map((text) => JSON.parse(text));
      delete wanted.status;
      delete wanted.metadata.creationTimestamp;
      assert.partialDeepStrictEqual(made, withoutNulls(wanted));
    });
  }
}

function withOutput(args: readonly string[], ...flags: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  const at = end < 0 ? args.length : end;
  return ["create", ...args.slice(0, at), "-o", "json", ...flags, ...args.slice(at)];
}

/** Clients show nothing as null and as {}. */
function withoutNulls(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, field: unknown) => {
      const isEmpty =
        typeof field === "object" && field !== null && Object.keys(field).length === 0;
      return field === null || isEmpty ? undefined : field;
    }),
  );
}

function reading(kubectl: Kubectl): void {
  test("get shows tables, wide tables and selections", async () => {
    await using opened = await open(kubectl);
    const { kubectl: k } = opened;
    await k.ok(["apply", "-f", "-"], `${subnet("10.0.0.0/16")}---${subnet("10.1.0.0/16", "db")}`);
    await k.ok(["apply", "-f", "-"], pod);
    assert.match(await k.ok(["get", "subnets"]), /^NAME +VPC .*\nweb +default |\ndb +default /s);
    const wide = await k.ok(["get", "pods", "-o", "wide"]);
    assert.match(wide, /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE/);
    assert.match(wide, /^web-0 +0\/1 +Pending +0 .* n1 /m);
    await k.ok(["label", "subnet", "db", "tier=back"]);
    assert.equal(
      await k.ok(["get", "sn", "-l", "tier=back", "-o", "name"]),
      "subnet.heddle.io/db\n",
    );
    assert.equal(
      await k.ok(["get", "sn", "-l", "tier!=back", "-o", "name"]),
      "subnet.heddle.io/web\n",
    );
    const field = ["get", "pods", "-A", "--field-selector", "spec.nodeName=n1", "-o", "name"];
    assert.equal(await k.ok(field), "pod/web-0\n");
    const chunks = await k.ok(["get", "subnets", "--chunk-size=1", "-o", "name"]);
    assert.equal(chunks, "subnet.heddle.io/db\nsubnet.heddle.io/web\n");
  });

  test("get -w shows changes as they come", async () => {
    await using opened = await open(kubectl);
    const { kubectl: k } = opened;
    await k.ok(["apply", "-f", "-"], configMap("red"));
    const watch = k.start(["get", "configmaps", "-w", "--output-watch-events", "--no-headers"]);
    const seen = collect(watch.stdout);
    const until = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(seen.text)) await once(watch.stdout, "data");
    };
    await until(/ADDED +settings/);
    await k.ok(["label", "configmap", "settings", "a=b"]);
    await until(/MODIFIED +settings/);
    await k.ok(["delete", "configmap", "settings"]);
    await until(/DELETED +settings/);
    watch.kill("SIGTERM");
    await once(watch, "close");
  });

  test("describe shows an object and its events", async () => {
    await using opened = await open(kubectl);
    const { kubectl: k } = opened;
    await k.ok(["apply", "-f", "-"], pod);
    const uid = await k.ok(["get", "pod", "web-0", "-o", "jsonpath={.metadata.uid}"]);
    const involved = { kind: "Pod", namespace: "default", name: "web-0", uid, apiVersion: "v1" };
    const event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "web-0.1", namespace: "default" },
      involvedObject: involved,
      reason: "AddressAllocated",
      message: "got 10.0.0.1",
      type: "Normal",
      source: { component: "heddle" },
      firstTimestamp: "2026-01-01T00:00:00Z",
      lastTimestamp: "2026-01-01T00:00:00Z",
      count: 1,
    };
    await k.ok(["create", "-f", "-"], JSON.stringify(event));
    const described = await k.ok(["describe", "pod", "web-0"]);
    assert.match(described, /Node: +n1/);
    assert.match(described, /AddressAllocated .*got 10\.0\.0\.1/);
    await k.ok(["apply", "-f", "-"], subnet("10.0.0.0/16"));
    assert.match(await k.ok(["describe", "subnet", "web"]), /Cidrs:\s+10\.0\.0\.0\/16/);
    await k.ok(["apply", "-f", "-"], deployment);
    assert.match(await k.ok(["describe", "deployment", "web"]), /Replicas: +2 desired/);
  });

  test("wait ends when a condition holds, and when an object is gone", async () => {
    await using opened = await open(kubectl);
    const { kubectl: k, server } = opened;
    await k.ok(["apply", "-f", "-"], subnet("10.0.0.0/16"));
    const ready = k.ok(["wait", "subnet/web", "--for=condition=Ready", "--timeout=30s"]);
    const current = await server.store.get(subnetKind, { name: "web" });
    await server.store.updateStatus(subnetKind, {
      ...current,
      status: {
        conditions: [
          {
            type: "Ready",
            status: "True",
            observedGeneration: 1,
            lastTransitionTime: "2026-01-01T00:00:00Z",
            reason: "Done",
            message: "",
          },
        ],
      },
    });
    assert.equal(await ready, "subnet.heddle.io/web condition met\n");
    await k.ok(["patch", "subnet", "web", "--type=merge", "-p", held(["heddle.io/test"])]);
    await k.ok(["delete", "subnet", "web", "--wait=false"]);
    const gone = k.start(["wait", "subnet/web", "--for=delete", "--timeout=30s", "-v=6"]);
    const closed = once(gone, "close");
    const log = collect(gone.stderr);
    while (!/watch=true/.test(log.text)) {
      await Promise.race([once(gone.stderr, "data"), closed.then(() => assert.fail(log.text))]);
    }
    await k.ok(["patch", "subnet", "web", "--type=merge", "-p", held([])]);
    assert.deepEqual(await closed, [0, null]);
  });
}

function patching(kubectl: Kubectl): void {
  test("patch by strategic merge, merge and JSON", async () => {
    await using opened = await open(kubectl);
    const { kubectl: k } = opened;
    await k.ok(["apply", "-f", "-"], deployment);
    const image = { name: "main", image: "example/web:2" };
    const strategic = { spec: { template: { spec: { containers: [image] } } } };
    await k.ok(["patch", "deployment", "web", "-p", JSON.stringify(strategic)]);
    const images = "jsonpath={.spec.template.spec.containers[*].image}";
    const got = await k.ok(["get", "deployment", "web", "-o", images]);
    assert.equal(got, "example/web:2 example/side");
    const merge = JSON.stringify({ spec: { replicas: 7 }, metadata: { labels: { a: "b" } } });
    await k.ok(["patch", "deployment", "web", "--type=merge", "-p", merge]);
    const json = JSON.stringify([{ op: "replace", path: "/metadata/labels/a", value: "c" }]);
    await k.ok(["patch", "deployment", "web", "--type=json", "-p", json]);
    const path = "jsonpath={.spec.replicas} {.metadata.labels.a}";
    assert.equal(await k.ok(["get", "deployment", "web", "-o", path]), "7 c");
    await k.ok(["apply", "-f", "-"], subnet("10.0.0.0/16"));
    const excluded = JSON.stringify({ spec: { excludedAddresses: ["10.0.0.1"] } });
    await k.ok(["patch", "subnet", "web", "--type=merge", "-p", excluded]);
    const field = ["get", "subnet", "web", "-o", "jsonpath={.spec.excludedAddresses[0]}"];
    assert.equal(await k.ok(field), "10.0.0.1");
  });
}

function deleting(kubectl: Kubectl): void {
  test("delete by name, by selector and with a whole namespace", async () => {
    await using opened = await open(kubectl);
    const { kubectl: k } = opened;
    await k.ok(["apply", "-f", "-"], configMap("red"));
    assert.equal(await k.ok(["delete", "cm", "settings"]), 'configmap "settings" deleted\n');
    await k.ok(["apply", "-f", "-"], configMap("red"));
    assert.match(await k.ok(["delete", "cm", "-l", "app=web"]), /"settings" deleted/);
    await k.ok(["create", "namespace", "team"]);
    await k.ok(["-n", "team", "apply", "-f", "-"], configMap("red"));
    assert.match(await k.ok(["delete", "namespace", "team", "--timeout=30s"]), /"team" deleted/);
    assert.equal(await k.ok(["get", "cm", "-A", "-o", "name"]), "");
    await k.ok(["apply", "-f", "-"], pod);
    assert.match(await k.ok(["delete", "pods", "--all"]), /"web-0" deleted/);
    assert.match(await k.refused(["delete", "namespace", "default"]), /may not be deleted/);
  });
}

function refusing(kubectl: Kubectl): void {
  test("invalid objects are explained", async () => {
    await using opened = await open(kubectl);
    const { kubectl: k } = opened;
    const apply = (text: string) => k.refused(["apply", "--validate=false", "-f", "-"], text);
    const bad = await apply(subnet("10.0.0.1/16"));
    assert.match(
      bad,
      /The Subnet "web" is invalid: \S*spec\.cidrs\[0\]: Invalid value: "10\.0\.0\.1\/16": .*want 10\.0\.0\.0\/16/,
    );
    await k.ok(["apply", "-f", "-"], subnet("10.0.0.0/16"));
    const overlapping = await apply(subnet("10.0.128.0/17", "other"));
    assert.match(overlapping, /overlaps 10\.0\.0\.0\/16 of Subnet "web"/);
    const pool = `
apiVersion: heddle.io/v1alpha1
kind: IPPool
metadata: {name: pool}
spec: {subnet: web, cidr: 10.9.0.0/16}
`;
    assert.match(await apply(pool), /outside Subnet "web"/);
    const homeless = configMap("red").replace("name: settings", "name: settings, namespace: none");
    assert.match(await apply(homeless), /namespaces "none" not found/);
    const misspelt = subnet("10.1.0.0/16", "wbe").replace("kind: Subnet", "kind: Subent");
    assert.match(await apply(misspelt), /no matches for kind "Subent"/);
  });

  test("a misspelt field is refused", async () => {
    await using opened = await open(kubectl);
    const misspelt = subnet("10.0.0.0/16").replace("spec: {", "spec: {gatways: [], ");
    const said = await opened.kubectl.refused(["apply", "-f", "-"], misspelt);
    assert.match(
      said,
      /unknown field "(Subnet\.|io\.heddle\.v1alpha1\.Subnet\.)?spec\.gatways"|unknown field "gatways"/,
    );
  });

  test("users may do what their role allows", async () => {
    await using opened = await open(kubectl, "viewer");
    const { kubectl: k } = opened;
    assert.match(await k.ok(["get", "namespaces"]), /default/);
    const said = await k.refused(["create", "configmap", "x"]);
    assert.match(
      said,
      /configmaps is forbidden: User "viewer" cannot create resource "configmaps"/,
    );
    assert.match(await k.refused(["get", "secrets"]), /forbidden/);
    assert.equal((await k.run(["auth", "can-i", "get", "pods", "-q"])).code, 0);
    assert.equal((await k.run(["auth", "can-i", "delete", "pods", "-q"])).code, 1);
  });
}
