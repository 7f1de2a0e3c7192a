import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCniArgs } from "./cni-args.ts";
import { CniError, formatCniError } from "./errors.ts";
import { decodeEnvelope, type Envelope, parseRequest } from "./request.ts";
import { chainResult, formatResult } from "./result.ts";

const config = { cniVersion: "1.1.0", name: "heddle", type: "heddle-cni" };
const envelope = (more: Partial<Envelope> = {}): Envelope => ({
  command: "ADD",
  containerId: "c1",
  netns: "/run/netns/c1",
  ifname: "eth0",
  args: "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_UID=u-1",
  path: "/opt/cni/bin",
  config: JSON.stringify(config),
  ...more,
});

test("parseRequest() reads an ADD", () => {
  assert.deepEqual(parseRequest(envelope()), {
    command: "ADD",
    containerId: "c1",
    ifname: "eth0",
    netns: "/run/netns/c1",
    args: { podNamespace: "default", podName: "web-0", podUid: "u-1" },
    config,
  });
});

test("parseRequest() takes a DEL without a namespace and both names of the GC list", () => {
  const del = parseRequest(envelope({ command: "DEL", netns: "" }));
  assert.equal(del.command === "DEL" && del.netns, undefined);
  for (const key of ["cni.dev/valid-attachments", "cni.dev/attachments"]) {
    const list = [{ containerID: "c1", ifname: "eth0" }];
    const gc = parseRequest(
      envelope({ command: "GC", config: JSON.stringify({ ...config, [key]: list }) }),
    );
    assert.deepEqual(gc.command === "GC" && gc.validAttachments, [
      { containerId: "c1", ifname: "eth0" },
    ]);
  }
});

const withConfig = (more: object): Partial<Envelope> => ({
  config: JSON.stringify({ ...config, ...more }),
});

const refusals: readonly [string, Partial<Envelope>, number, RegExp][] = [
  ["an unknown verb", { command: "FLY" }, 4, /CNI_COMMAND "FLY": want ADD, DEL/],
  ["no container id", { containerId: "" }, 4, /CNI_CONTAINERID: not set/],
  ["a container id with a slash", { containerId: "../x" }, 4, /CNI_CONTAINERID: "..\/x"/],
  ["an interface name of 16", { ifname: "abcdefghijklmnop" }, 4, /CNI_IFNAME/],
  ["an interface name with a colon", { ifname: "a:b" }, 4, /CNI_IFNAME/],
  ["a relative namespace path", { netns: "netns" }, 4, /CNI_NETNS: "netns", want an absolute path/],
  ["empty stdin", { config: "" }, 6, /stdin is empty/],
  ["malformed JSON", { config: "{" }, 6, /Cannot decode network configuration/],
  ["a list", { config: "[]" }, 7, /must be object/],
  ["no name", withConfig({ name: undefined }), 7, /must have required property 'name'/],
  ["a wrong MTU", withConfig({ mtu: 100 }), 7, /mtu must be >= 1280/],
  [
    "a wrong prevResult",
    withConfig({ prevResult: { ips: [{}] } }),
    7,
    /prevResult.ips.0 must have/,
  ],
  ["version 9", withConfig({ cniVersion: "9.0.0" }), 1, /"9.0.0": want one of 0.3.1/],
  ["GC before 1.1", { command: "GC", ...withConfig({ cniVersion: "1.0.0" }) }, 1, /want 1.1.0/],
  ["GC without a list", { command: "GC" }, 7, /cni.dev\/valid-attachments is missing/],
  ["a bad pod name", { args: "K8S_POD_NAME=a/b" }, 4, /K8S_POD_NAME is "a\/b"/],
  ["an unknown argument", { args: "FOO=1" }, 4, /unknown key "FOO" without IgnoreUnknown/],
  ["an argument without =", { args: "IgnoreUnknown=1;FOO" }, 4, /"FOO", want KEY=VALUE/],
];

for (const [what, change, code, message] of refusals) {
  test(`parseRequest() refuses ${what}`, () => {
    let error: unknown;
    try {
      parseRequest(envelope(change));
    } catch (caught) {
      error = caught;
    }
    assert.ok(error instanceof CniError, String(error));
    assert.equal(formatCniError(error, "1.1.0").code, code);
    assert.match(error.message, message);
  });
}

test("parseCniArgs() ignores unknown keys when told to", () => {
  assert.deepEqual(parseCniArgs("FOO=1;IgnoreUnknown=true;K8S_POD_NAME=a"), { podName: "a" });
  assert.deepEqual(parseCniArgs(""), {});
});

test("decodeEnvelope() and parseRequest() throw nothing but CniError", () => {
  const text = fc.oneof(fc.string(), fc.json(), fc.constant(JSON.stringify(config)));
  const anyEnvelope = fc.record({
    command: fc.constantFrom("ADD", "DEL", "GC", "STATUS", "CHECK", ""),
    containerId: text,
    netns: text,
    ifname: text,
    args: text,
    path: text,
    config: text,
  });
  const line = fc.oneof(
    fc.uint8Array(),
    anyEnvelope.map((e) => Buffer.from(JSON.stringify(e))),
  );
  fc.assert(
    fc.property(line, (bytes) => {
      try {
        assert.ok(parseRequest(decodeEnvelope(bytes)).config.name.length > 0);
      } catch (error) {
        assert.ok(error instanceof CniError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

const result = {
  interfaces: [
    { name: "hv1", mac: "02:00:00:00:00:01", mtu: 9000 },
    { name: "eth0", mac: "02:00:00:00:00:02", mtu: 9000, sandbox: "/run/netns/c1" },
  ],
  ips: [
    { address: "10.244.0.5/32", gateway: "169.254.1.1", interface: 1 },
    { address: "fd00::5/128", gateway: "fe80::1", interface: 1 },
  ],
  routes: [{ dst: "0.0.0.0/0", gw: "169.254.1.1" }],
  dns: {},
};

test("formatResult() writes the shape of each version", () => {
  const [v1, v0] = [formatResult(result, "1.1.0"), formatResult(result, "0.4.0")];
  assert.deepEqual(v1, { cniVersion: "1.1.0", ...result });
  assert.deepEqual(v0["interfaces"], [
    { name: "hv1", mac: "02:00:00:00:00:01" },
    { name: "eth0", mac: "02:00:00:00:00:02", sandbox: "/run/netns/c1" },
  ]);
  assert.deepEqual(
    (v0["ips"] as { version: string }[]).map((ip) => ip.version),
    ["4", "6"],
  );
  assert.deepEqual(formatResult(result, "1.0.0")["ips"], result.ips);
});

test("chainResult() moves our interface indexes behind those of the plugins before us", () => {
  const previous = {
    interfaces: [{ name: "a" }, { name: "b" }],
    ips: [{ address: "192.0.2.1/24" }],
  };
  const chained = chainResult(previous, result);
  assert.deepEqual(
    chained.interfaces?.map((i) => i.name),
    ["a", "b", "hv1", "eth0"],
  );
  assert.deepEqual(
    chained.ips?.map((ip) => ip.interface),
    [undefined, 3, 3],
  );
});
