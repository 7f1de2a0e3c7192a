/**
 * Bad input on every door of the running system: the CNI executable and its socket, kubectl, the
 * API server's port, the BGP port, the command line. Each is told exactly what is wrong, and
 * nothing else suffers. One boot for all tests; they run in order.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import { agentLabel, execInDevice, processInDevice, stopInDevice, verifyFlows } from "@heddle/lab";
import { ApiClient } from "./api-client.ts";
import { CniCaller, environmentOf, inertPod, networkConfig, type Sandbox } from "./cni-call.ts";
import { echoPod, eventually, LabFixture, type PodView } from "./lab-fixture.ts";
import { nodeTraces } from "./node-leftovers.ts";
import { pingDuring } from "./ping.ts";

const nodes = ["node1", "node2", "node3"] as const;
const apiVersion = "heddle.io/v1alpha1";
let fixture: LabFixture;
let cni: CniCaller;
/** Address of a pod on node1 that is pinged while a test does its worst. */
let witness: string;

before(async () => {
  fixture = await LabFixture.boot();
  cni = new CniCaller(fixture, "node1");
  await fixture.apply(echoPod("witness", "node1"), inertPod("inert", "node1"));
  witness = (await fixture.runningPod("witness")).status.podIPs?.[0]?.ip as string;
  await eventually("the witness answers", 5_000, async () => {
    const argv = ["ping", "-n", "-c", "1", "-W", "1", witness];
    return (await fixture.tryInDevice("bm1", argv)).exitCode === 0 ? true : undefined;
  });
});

after(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** Which process each agent is: another one would mean that it had died. */
function agentPids(): (number | undefined)[] {
  const { stateDir } = fixture;
  return nodes.map((node) => processInDevice(node, agentLabel, { stateDir })?.pid);
}

interface PeerCount {
  readonly node: string;
  readonly address: string;
  readonly state: string;
  readonly establishedCount: number;
}

/** Node, address, state and how often the state was reached, of each session. */
async function sessions(): Promise<string[]> {
  const { exitCode, stdout, stderr } = await fixture.heddle("-o", "json", "bgp", "peers");
  assert.equal(exitCode, 0, stderr);
  const rows = JSON.parse(stdout) as PeerCount[];
  return rows
    .map((row) => `${row.node} ${row.address} ${row.state} ${row.establishedCount}`)
    .sort();
}

/** Does `work`; the ping of a pod, the agents, their BGP sessions and the API server go on. */
async function unharmed(work: () => Promise<void>): Promise<void> {
  const before = { pids: agentPids(), sessions: await sessions() };
  const { sent, received } = await pingDuring(fixture, "bm1", witness, 20, work);
  assert.equal(received, sent, "pings of the witness were lost");
  assert.deepEqual({ pids: agentPids(), sessions: await sessions() }, before);
  const { exitCode, stdout } = await fixture.heddle("node", "status");
  assert.equal(exitCode, 0, stdout);
}

function inert(containerId: string): Sandbox {
  return { containerId, netns: `x-${containerId}`, namespace: "default", pod: "inert" };
}

const subnet = (name: string, spec: object): object => ({
  ...{ apiVersion, kind: "Subnet", metadata: { name } },
  spec,
});

const pool = (name: string, spec: object): object => ({
  ...{ apiVersion, kind: "IPPool", metadata: { name } },
  spec,
});

test("the CNI executable says what is wrong with its input, and nothing is left of it", async () => {
  const env = environmentOf(inert("bad"));
  const { cniVersion, ...unversioned } = networkConfig;
  const of = (change: Record<string, string>): Record<string, string> => ({ ...env, ...change });
  const args = (text: string): Record<string, string> => of({ CNI_ARGS: text });
  const cases: readonly (readonly [Record<string, string>, unknown, string])[] = [
    [
      env,
      '{"cniVersion":"1.1.0",',
      "6: Cannot decode network configuration: Expected double-quoted property name in JSON at position 22 (line 1 column 23)",
    ],
    [env, "", "6: Cannot decode network configuration: stdin is empty"],
    [env, [], "7: Cannot use network configuration: must be object"],
    [
      env,
      { ...unversioned, cniVersion: "9.9.9" },
      '1: Cannot serve CNI version "9.9.9": want one of 0.3.1, 0.4.0, 1.0.0, 1.1.0',
    ],
    [
      env,
      unversioned,
      "7: Cannot use network configuration: must have required property 'cniVersion'",
    ],
    [
      env,
      { ...networkConfig, mtu: 68 },
      "7: Cannot use network configuration: mtu must be >= 1280",
    ],
    [
      env,
      { ...networkConfig, padding: "x".repeat(600 * 1024) },
      "5: Cannot read stdin: want at most 524288 bytes",
    ],
    [args(""), networkConfig, "4: Cannot use CNI_ARGS: K8S_POD_NAMESPACE is not set"],
    [
      args("K8S_POD_NAMESPACE=default"),
      networkConfig,
      "4: Cannot use CNI_ARGS: K8S_POD_NAME is not set",
    ],
    [
      args("COLOUR=blue"),
      networkConfig,
      '4: Cannot parse CNI_ARGS: unknown key "COLOUR" without IgnoreUnknown=1',
    ],
    [
      args("K8S_POD_NAMESPACE=nowhere;K8S_POD_NAME=inert"),
      networkConfig,
      "101: Cannot serve: there is no Namespace nowhere",
    ],
    [
      args("K8S_POD_NAMESPACE=default;K8S_POD_NAME=nobody"),
      networkConfig,
      "101: Cannot serve: there is no Pod default/nobody",
    ],
    [
      of({ CNI_CONTAINERID: "" }),
      networkConfig,
      "4: Cannot use CNI_CONTAINERID: not set, want a letter or digit, then letters, digits, _ . -",
    ],
    [
      of({ CNI_IFNAME: "../eth0" }),
      networkConfig,
      '4: Cannot use CNI_IFNAME: "../eth0", want 1 to 15 characters without / : or spaces',
    ],
    [
      of({ CNI_NETNS: "" }),
      networkConfig,
      "4: Cannot use CNI_NETNS: not set, want an absolute path",
    ],
  ];
  const before = await nodeTraces(fixture, "node1");
  await unharmed(async () => {
    for (const [environment, config, wanted] of cases) {
      assert.equal(await cni.failureOf("ADD", environment, config), wanted);
    }
    assert.equal(
      await cni.failureOf("FLY", env, networkConfig),
      '4: Cannot serve CNI_COMMAND "FLY": want ADD, DEL, CHECK, STATUS, GC or VERSION',
    );
    assert.equal(
      await cni.failureOf("GC", {}, networkConfig),
      "7: Cannot collect garbage: cni.dev/valid-attachments is missing, want a list",
    );
    assert.equal(
      await cni.failureOf("CHECK", env, networkConfig),
      "3: Cannot check container bad interface eth0: it was not added",
    );
  });
  assert.deepEqual(await nodeTraces(fixture, "node1"), before);
});

test("a pod whose namespace path is none gets no network, and no address is lost", async () => {
  const before = await nodeTraces(fixture, "node1");
  await unharmed(async () => {
    for (const CNI_NETNS of ["/run/netns/none", "/etc/passwd", "/proc/self/ns/net", "/dev/null"]) {
      const env = { ...environmentOf(inert("lost")), CNI_NETNS };
      const answer = await cni.failureOf("ADD", env, networkConfig);
      assert.match(answer, /^104: Cannot plumb eth0 of default\/inert: /, CNI_NETNS);
      console.log(`${CNI_NETNS}: ${answer}`);
    }
  });
  assert.deepEqual(await nodeTraces(fixture, "node1"), before);
});

test("annotations that make no sense are named", async () => {
  const cases = {
    "heddle.io/subnet=nowhere":
      '102: Cannot choose a subnet for pod default/odd-0: annotation heddle.io/subnet names "nowhere", which does not exist',
    "heddle.io/ip=10.244.300.1":
      '7: Cannot use annotation heddle.io/ip: Cannot parse IPv4 address "10.244.300.1": octet "300", want 0 to 255',
    "heddle.io/ip=10.244.0.9":
      "103: Cannot use fixed address 10.244.0.9: it is in no IPPool of subnet pods with allocation Fixed",
    "heddle.io/ip=192.0.2.1":
      "103: Cannot use fixed address 192.0.2.1: it is in no IPPool of subnet pods with allocation Fixed",
    "heddle.io/ip-claim=nobody": "101: Cannot serve: there is no IPClaim default/nobody",
  };
  const before = await nodeTraces(fixture, "node1");
  await unharmed(async () => {
    for (const [i, [annotation, wanted]] of Object.entries(cases).entries()) {
      const [key, value] = annotation.split("=") as [string, string];
      const pod = `odd-${i}`;
      await fixture.apply(inertPod(pod, "node1", { [key]: value }));
      const sandbox = { ...inert("odd"), pod };
      const answer = await cni.failureOf("ADD", environmentOf(sandbox), networkConfig);
      assert.equal(answer, wanted.replace("odd-0", pod));
    }
  });
  assert.deepEqual(await nodeTraces(fixture, "node1"), before);
});

test("ADD twice gives the same result, DEL twice succeeds", async () => {
  const before = await nodeTraces(fixture, "node1");
  const sandbox = inert("twice");
  await cni.makeNetns([sandbox.netns]);
  await unharmed(async () => {
    const first = await cni.succeed("ADD", sandbox);
    const once = await nodeTraces(fixture, "node1");
    const second = await cni.succeed("ADD", sandbox);
    assert.deepEqual(second.document, first.document);
    const { ports: _, ...now } = await nodeTraces(fixture, "node1");
    const { ports: __, ...wanted } = once;
    assert.deepEqual(now, wanted);
    await cni.succeed("DEL", sandbox);
    await cni.succeed("DEL", sandbox);
  });
  await cni.removeNetns([sandbox.netns]);
  const { ports: _, ...now } = await nodeTraces(fixture, "node1");
  const { ports: __, ...wanted } = before;
  assert.deepEqual(now, wanted);
});

test("without its agent the executable asks to try again within 5 s; pods go on", async () => {
  /** What a loaded machine may add to the executable's own limit. */
  const limitMs = 5_000;
  const { stateDir } = fixture;
  const onNode2 = new CniCaller(fixture, "node2");
  await fixture.apply(inertPod("later", "node2"), echoPod("neighbour", "node2"));
  const address = (await fixture.runningPod("neighbour")).status.podIPs?.[0]?.ip as string;
  const sandbox = { ...inert("later"), pod: "later" };
  await onNode2.makeNetns([sandbox.netns]);
  const lost = await pingDuring(fixture, "bm1", address, 20, async () => {
    await stopInDevice("node2", agentLabel, { stateDir });
    const answer = await onNode2.call("ADD", environmentOf(sandbox), networkConfig);
    assert.equal(answer.document.code, 11);
    assert.match(String(answer.document.msg), /^Cannot reach the heddle agent: /);
    assert.ok(answer.tookMs < limitMs, `${answer.tookMs} ms`);
    const status = await fixture.heddle("node", "status");
    assert.equal(status.exitCode, 1);
    assert.match(status.stdout, /node2 +down .*agent\.sock/);
    await fixture.repair();
    await onNode2.succeed("ADD", sandbox);
    await onNode2.succeed("DEL", sandbox);
  });
  assert.equal(lost.received, lost.sent, "pings of a pod without agent were lost");
  await onNode2.removeNetns([sandbox.netns]);
  await unharmed(async () => {
    assert.equal((await onNode2.call("STATUS", {}, networkConfig)).exitCode, 0);
  });
});

test("an exhausted pool is told of everywhere, and a freed address goes to the pod that waits", async () => {
  await fixture.apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "small" } },
    subnet("small", { cidrs: ["10.246.0.0/29"], namespaces: ["small"] }),
    pool("small", { subnet: "small", cidr: "10.246.0.0/29", blockLength: 29 }),
  );
  const names = Array.from({ length: 7 }, (_, i) => `s-${i}`);
  const pods = async (): Promise<readonly PodView[]> =>
    (await fixture.get<{ items: readonly PodView[] }>("pods", "-n", "small")).items;
  const running = async (): Promise<string[]> =>
    (await pods())
      .filter(({ status }) => status.phase === "Running")
      .map(({ metadata }) => metadata.name);
  const refused = "Cannot allocate an IPv4 address in subnet small: ";
  const pids = agentPids();
  const { sent, received } = await pingDuring(fixture, "bm1", witness, 20, async () => {
    await fixture.apply(...names.map((name) => echoPod(name, "node1", {}, "small")));
    // A /29 has six addresses beside that of the network and of the broadcast.
    await eventually("six pods of seven run", 20_000, async () =>
      (await running()).length === 6 ? true : undefined,
    );
    const event = await eventually("an event on the seventh", 20_000, async () => {
      const { items } = await fixture.get<{ items: { message: string }[] }>(
        ...["events", "-n", "small", "--field-selector", "reason=AddressPoolExhausted"],
      );
      return items[0];
    });
    assert.ok(event.message.startsWith(refused), event.message);
    assert.equal(await cni.failureOf("STATUS", {}, networkConfig), `50: ${event.message}`);
    const status = await fixture.heddle("node", "status");
    assert.equal(status.exitCode, 1);
    assert.ok(status.stdout.includes(event.message), status.stdout);
    const started = await running();
    const waiting = names.find((name) => !started.includes(name)) as string;
    await fixture.kubectl("delete", "pod", "-n", "small", String(started[0]), "--wait=true");
    await fixture.runningPod(waiting, "small");
    await fixture.kubectl("delete", "namespace", "small", "--wait=true");
    await eventually("STATUS is well again", 15_000, async () =>
      (await cni.call("STATUS", {}, networkConfig)).exitCode === 0 ? true : undefined,
    );
  });
  assert.equal(received, sent);
  assert.deepEqual(agentPids(), pids);
});

test("kubectl apply of a bad object names the field, what was found and what is wanted", async () => {
  const good = { cidrs: ["10.9.0.0/24"] };
  const invalid = (what: string, detail: string): string => `The ${what} is invalid: ${detail}`;
  const ofSubnet = (detail: string): string => invalid('Subnet "bad"', detail);
  const ofPool = (detail: string): string => invalid('IPPool "bad"', detail);
  const strict = (detail: string): RegExp =>
    new RegExp(`Subnet in version "v1alpha1" cannot be handled as a Subnet: .*${detail}`);
  const cases: readonly (readonly [object, string | RegExp])[] = [
    [
      subnet("bad", { cidrs: ["10.244.4.0/24"] }),
      ofSubnet(
        'spec.cidrs[0]: Invalid value: "10.244.4.0/24": overlaps 10.244.0.0/16 of Subnet "pods" in Vpc "default"',
      ),
    ],
    [
      subnet("bad", { cidrs: ["10.9.0.0/33"] }),
      ofSubnet(
        'spec.cidrs[0]: Invalid value: "10.9.0.0/33": not a prefix: length 33, want 0 to 32',
      ),
    ],
    [
      subnet("bad", { cidrs: ["somewhere"] }),
      ofSubnet('spec.cidrs[0]: Invalid value: "somewhere": not a prefix: want address/length'),
    ],
    [
      subnet("bad", { cidrs: ["10.9.0.1/24"] }),
      ofSubnet(
        'spec.cidrs[0]: Invalid value: "10.9.0.1/24": not a prefix: host bits are set, want 10.9.0.0/24',
      ),
    ],
    [
      subnet("bad", { ...good, gateways: ["10.8.0.1"] }),
      ofSubnet(
        'spec.gateways[0]: Invalid value: "10.8.0.1": outside the subnet, want an address in 10.9.0.0/24',
      ),
    ],
    [
      subnet("bad", { ...good, default: true }),
      ofSubnet(
        'spec.default: Invalid value: true: Subnet "pods" is the default already, want one at most',
      ),
    ],
    [
      subnet("bad", { cidrs: "10.9.0.0/24" }),
      ofSubnet('spec.cidrs: Invalid value: "10.9.0.0/24": is string, want array'),
    ],
    [subnet("bad", {}), ofSubnet("spec.cidrs: Required value: is missing")],
    [
      subnet("bad", { ...good, transport: "vxlan" }),
      ofSubnet('spec.transport: Unsupported value: "vxlan": supported values: "native"'),
    ],
    [
      subnet("Bad_Name", good),
      invalid(
        'Subnet "Bad_Name"',
        "metadata.name: Invalid value: \"Bad_Name\": want an RFC 1123 subdomain: at most 253 of a-z, 0-9, '-' and '.', alphanumeric at both ends",
      ),
    ],
    [subnet("bad", { ...good, gateway: "10.9.0.1" }), strict('"gateway", did you mean "gateways"')],
    [subnet("bad", { cidr: ["10.9.0.0/24"] }), strict('"cidr", did you mean "cidrs"')],
    [
      pool("bad", { subnet: "pods", cidr: "10.99.0.0/24" }),
      ofPool(
        'spec.cidr: Invalid value: "10.99.0.0/24": outside Subnet "pods", want a part of 10.244.0.0/16 or fd00:10:244::/48',
      ),
    ],
    [
      pool("bad", { subnet: "pods", cidr: "10.244.0.0/24" }),
      ofPool(
        'spec.cidr: Invalid value: "10.244.0.0/24": overlaps 10.244.0.0/17 of IPPool "pods-ipv4"',
      ),
    ],
    [
      pool("bad", { subnet: "none", cidr: "10.99.0.0/24" }),
      ofPool('spec.subnet: Invalid value: "none": there is no Subnet of this name'),
    ],
    [
      echoPod("bad", "node1", {}, "nowhere"),
      'Error from server (NotFound): error when creating "FILE": namespaces "nowhere" not found',
    ],
  ];
  await unharmed(async () => {
    for (const [object, wanted] of cases) {
      const refusal = await fixture.refusalOf(object);
      if (typeof wanted === "string") assert.equal(refusal, wanted);
      else assert.match(refusal, wanted);
    }
  });
});

test("fields that may not change are refused, and the object stays as it is", async () => {
  const before = await fixture.get<{ spec: object }>("ippool", "pods-ipv4");
  const cases: readonly (readonly [object, string])[] = [
    [
      pool("pods-ipv4", { subnet: "pods", cidr: "10.244.0.0/18" }),
      'spec.cidr: Invalid value: "10.244.0.0/18": field is immutable',
    ],
    [
      subnet("pods", { cidrs: ["10.245.0.0/16", "fd00:10:244::/48"], default: true }),
      'spec.cidrs: Invalid value: ["10.245.0.0/16","fd00:10:244::/48"]: 10.244.0.0/16 is gone, want existing prefixes kept',
    ],
    [
      subnet("pods", { cidrs: ["10.244.0.0/16", "fd00:10:244::/48"], default: true, vpc: "red" }),
      'spec.vpc: Invalid value: "red": field is immutable',
    ],
  ];
  await unharmed(async () => {
    for (const [object, wanted] of cases) {
      const refusal = await fixture.refusalOf(object);
      assert.ok(refusal.endsWith(wanted), refusal);
    }
  });
  assert.deepEqual((await fixture.get<{ spec: object }>("ippool", "pods-ipv4")).spec, before.spec);
});

/** A BGP message of that length field and type (RFC 4271 section 4.1), with `body` behind. */
function bgpMessage(length: number, type: number, body = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(19, 0xff);
  header.writeUInt16BE(length, 16);
  header.writeUInt8(type, 18);
  return Buffer.concat([header, body]);
}

test("garbage on the BGP port disturbs no session, from the leaf and from a stranger", async () => {
  const open = Buffer.from("04fdeb00090aff000300", "hex");
  const payloads = [
    randomBytes(4096),
    Buffer.alloc(4096, 0xff),
    bgpMessage(65_535, 2),
    bgpMessage(18, 4),
    bgpMessage(19, 99),
    bgpMessage(29, 1, open).subarray(0, 23),
    bgpMessage(29, 1, open),
    bgpMessage(23, 2, Buffer.alloc(4)),
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
  ];
  const input = payloads.map((bytes) => bytes.toString("hex")).join("\n");
  const program = path.resolve(import.meta.dirname, "./send-bytes.ts");
  const argv = [process.execPath, "--disable-warning=ExperimentalWarning", program];
  const { stateDir } = fixture;
  await unharmed(async () => {
    const target = ["172.16.0.3", "179"];
    const fromLeaf = await execInDevice("leaf1", [...argv, ...target], {
      ...{ input, stateDir, netns: "tenant", timeoutMs: 30_000 },
    });
    assert.equal(fromLeaf.stdout.trim().split("\n").length, payloads.length);
    const fromStranger = await execInDevice("bm1", [...argv, ...target], {
      ...{ input, stateDir, timeoutMs: 30_000 },
    });
    // Cease, Connection Rejected (RFC 4486), unless the refused bytes reset the connection first.
    const rejection = `${"ff".repeat(16)}0015030605`;
    for (const line of fromStranger.stdout.trim().split("\n")) {
      assert.ok(
        [`closed ${rejection}`, `ECONNRESET ${rejection}`, "ECONNRESET "].includes(line),
        line,
      );
    }
  });
});

test("the API server's port survives what is no request, and answers what is a bad one", async () => {
  const api = new ApiClient(fixture);
  const pods = "/api/v1/namespaces/default/pods";
  const json = { "content-type": "application/json" };
  const post = { method: "POST", path: pods, user: "admin" } as const;
  await unharmed(async () => {
    const plain = await api.sendBytes(Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n"), "tcp");
    assert.ok(!plain.includes("HTTP/1.1 200"), plain);
    assert.equal((await api.sendBytes(randomBytes(4096), "tcp")).includes("200"), false);
    const garbage = await api.sendBytes(Buffer.from("\x00\x01garbage\r\n\r\n"), "tls");
    assert.match(garbage, /^HTTP\/1\.1 400 Bad Request\r\n/);
    const headers = Buffer.from(`GET / HTTP/1.1\r\nx: ${"y".repeat(100_000)}\r\n\r\n`);
    assert.match(await api.sendBytes(headers, "tls"), /^HTTP\/1\.1 431 Request Header Fields/);
    const large = { ...post, headers: json, body: Buffer.alloc(4 * 1024 * 1024, 0x20) };
    const tooLarge = await api.send(large);
    assert.equal(
      tooLarge.refusal,
      "RequestEntityTooLarge: Request entity too large: limit is 3145728",
    );
    const malformed = await api.send({ ...post, headers: json, body: '{"kind":' });
    assert.deepEqual(
      [malformed.status, malformed.refusal],
      [400, "BadRequest: Cannot read body: Unexpected end of JSON input"],
    );
    const xml = await api.send({ ...post, headers: { "content-type": "text/xml" }, body: "<a/>" });
    assert.deepEqual(
      [xml.status, xml.refusal],
      [
        415,
        'UnsupportedMediaType: Cannot read body: its media type is "text/xml", want application/json',
      ],
    );
    const deep = await api.send({ ...post, headers: json, body: "[".repeat(100_000) });
    assert.equal(deep.status, 400);
    const token = { authorization: "Bearer not-a-token-of-this-server" };
    const unknown = await api.send({ path: pods, headers: token });
    assert.deepEqual([unknown.status, unknown.refusal], [401, "Unauthorized: Unauthorized"]);
    const nobody = await api.send({ path: pods });
    assert.deepEqual([nobody.status, nobody.refusal], [401, "Unauthorized: Unauthorized"]);
  });
});

test("an agent's certificate opens its own node's objects alone", async () => {
  const api = new ApiClient(fixture);
  const user = "heddle-agent-node1";
  interface Named {
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly spec: { readonly node: string };
  }
  const find = async (kind: string): Promise<Named> => {
    const { items } = await fixture.get<{ items: readonly Named[] }>(kind, "--all-namespaces");
    return items.find(({ spec }) => spec.node === "node2") as Named;
  };
  const port = await find("ports");
  const block = await find("ipblocks");
  const portPath = `/apis/${apiVersion}/namespaces/${port.metadata.namespace}/ports/${port.metadata.name}`;
  const blockPath = `/apis/${apiVersion}/ipblocks/${block.metadata.name}`;
  const json = { "content-type": "application/json" };
  await unharmed(async () => {
    assert.equal((await api.send({ path: portPath, user })).status, 200);
    const refusals = [
      await api.send({ method: "DELETE", path: portPath, user }),
      await api.send({ method: "DELETE", path: blockPath, user }),
      await api.send({
        ...{ method: "PUT", path: blockPath, user, headers: json },
        body: JSON.stringify({ ...block, spec: { ...block.spec, node: "node1" } }),
      }),
      await api.send({
        ...{ method: "PUT", path: "/api/v1/nodes/node2/status", user, headers: json },
        body: JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name: "node2" } }),
      }),
      await api.send({ method: "DELETE", path: "/api/v1/namespaces/default", user }),
      await api.send({ path: "/api/v1/namespaces/default/secrets", user }),
    ];
    for (const { status, refusal } of refusals) {
      assert.equal(status, 403, refusal);
      assert.match(refusal, /^Forbidden: .*"heddle:agent:node1"/);
    }
    assert.match(String(refusals[0]?.refusal), /belongs to node node2/);
  });
  assert.deepEqual((await find("ports")).metadata.name, port.metadata.name);
});

/** What the CNI socket answers to these bytes; the sending side is closed when `end` is true. */
function askSocket(bytes: Buffer | string, end: boolean): Promise<string> {
  const file = path.join(fixture.lab.paths.device("node1").run, "heddle/cni.sock");
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ path: file, allowHalfOpen: true }, () => {
      socket.write(bytes);
      if (end) socket.end();
    });
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => socket.end());
    socket.on("error", (error) => chunks.push(Buffer.from(String(error))));
    socket.on("close", () => resolve(Buffer.concat(chunks).toString()));
  });
}

test("the CNI socket answers garbage, and more connections than it serves", async () => {
  const told = (code: number, msg: string): string =>
    `1\n${JSON.stringify({ cniVersion: "1.1.0", code, msg })}`;
  const envelope = {
    command: "STATUS",
    containerId: "",
    netns: "",
    ifname: "",
    args: "",
    path: "",
  };
  const status = JSON.stringify({ ...envelope, config: JSON.stringify(networkConfig) });
  await unharmed(async () => {
    const noJson = told(6, "Cannot decode CNI request: want one line of JSON in UTF-8");
    assert.equal(
      await askSocket(Buffer.from("fffe00\n", "latin1"), false),
      told(6, "Cannot decode CNI request: want one line of JSON in UTF-8"),
    );
    assert.equal(
      await askSocket(Buffer.concat([randomBytes(64), Buffer.from("\n")]), false),
      noJson,
    );
    assert.equal(
      await askSocket("{}\n", false),
      told(
        6,
        "Cannot decode CNI request: command, containerId, netns, ifname, args, path, config missing",
      ),
    );
    assert.equal(
      await askSocket("", true),
      told(5, "Cannot read CNI request: connection was empty"),
    );
    assert.equal(await askSocket('{"command":', true), noJson);
    const oversized = await askSocket(Buffer.alloc(2 * 1024 * 1024, 0x20), false);
    assert.equal(oversized, told(5, "Cannot read CNI request: more than 1048576 bytes"));
    assert.equal(await askSocket(`${status}\n`, false), "0\n");
    const late = told(5, "Cannot read CNI request: no whole line in time");
    const busy = told(11, "Cannot serve: 256 requests");
    const answers = await Promise.all(
      Array.from({ length: 300 }, async () => await askSocket("half a line", false)),
    );
    const counts = [late, busy].map((text) => answers.filter((answer) => answer === text).length);
    assert.deepEqual(counts, [256, 44]);
    assert.equal(await askSocket(`${status}\n`, false), "0\n");
  });
});

test("the command line refuses in one line, with the exit code that its help lists", async () => {
  const elsewhere = path.join(fixture.stateDir, "none");
  const notYaml = path.join(fixture.stateDir, "not.yaml");
  writeFileSync(notYaml, "{\n");
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["lab", "shell", "node9", "--", "true"], 3, /Cannot find device node9: want one of .*node1/],
    [["lab", "fail", "node1:node2"], 3, /Cannot find cable node1:node2: want one of .*node1:leaf1/],
    [["lab", "fail"], 2, /missing required argument 'cable'/],
    [["lab", "fail", "--now", "node1:leaf1"], 2, /unknown option '--now'/],
    [["lab", "up", "--file", "/none.yaml"], 2, /Cannot read the lab's definition: ENOENT/],
    [["lab", "up", "--file", notYaml], 2, /Cannot read the lab file: /],
    [
      ["bgp", "peers", "--node", "node9"],
      2,
      /no node or route server node9 in the lab, want one of: node1 node2 node3 rs1 rs2/,
    ],
    [["ipam", "who", "10.244.300.1"], 2, /Cannot parse IPv4 address "10.244.300.1"/],
    [["ipam", "who", "10.244.255.254"], 1, /nobody has 10.244.255.254/],
    [["node", "stats"], 2, /unknown command 'stats'/],
    [["--output", "yaml", "node", "status"], 2, /argument 'yaml' is invalid.*table, json/],
    [["--state-dir", elsewhere, "lab", "status"], 3, /no lab in /],
    [["--state-dir", elsewhere, "verify", "flows"], 3, /Cannot find a lab in .*: run lab up/],
    [["--state-dir", elsewhere, "lab", "fail", "node1:leaf1"], 3, /Cannot find a lab in /],
    [["--state-dir", elsewhere, "node", "status", "--node", "node1"], 3, /no lab is running/],
  ];
  await unharmed(async () => {
    for (const [args, exitCode, wanted] of cases) {
      const result = await fixture.heddle(...args);
      assert.equal(result.exitCode, exitCode, `${args.join(" ")}: ${result.stderr}`);
      assert.match(result.stderr, wanted);
      assert.match(result.stderr, /^heddle: [^\n]+\n$/, args.join(" "));
      assert.equal(result.stdout, "");
    }
  });
  assert.equal(existsSync(elsewhere), false);
});

test("after all of it every flow passes", async () => {
  const rows = await verifyFlows(fixture.lab);
  assert.deepEqual(
    rows.filter((row) => row.verdict !== "pass"),
    [],
  );
});
