/** The configurations of `examples/` are good: `--check` says what is in force with them. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { parse as parseYaml } from "yaml";

const root = path.resolve(import.meta.dirname, "../..");
const main = path.join(root, "apps/route-server/src/main.ts");
const folder = mkdtempSync(path.join(tmpdir(), "heddle-check-"));
after(() => rmSync(folder, { recursive: true }));

interface Checked {
  readonly status: number | null;
  readonly stderr: string;
  readonly text: string;
}

before(() => {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const out = ["-keyout", "route-server.key", "-out", "route-server.crt", "-subj", "/CN=rs"];
  const options = { cwd: folder, stdio: "ignore" } as const;
  execFileSync("openssl", ["req", "-x509", ...key, ...out, "-days", "1"], options);
  execFileSync("cp", ["route-server.crt", "ca.crt"], options);
  for (const name of ["edge.password", "as4200000502.password"]) {
    writeFileSync(path.join(folder, name), "secret-word\n");
  }
});

/** With the files that it names in a folder of ours. */
function check(file: string, change: (text: string) => string = (text) => text): Checked {
  return checkText(change(readFileSync(path.join(root, "examples", file), "utf8")));
}

function checkText(text: string): Checked {
  const copy = path.join(folder, "config.yaml");
  writeFileSync(copy, text.replaceAll("/etc/heddle/", `${folder}/`));
  const args = [main, "--config", copy, "--check"];
  const { status, stderr, stdout } = spawnSync(process.execPath, args, {
    ...{ encoding: "utf8", timeout: 30_000 },
  });
  return { status, stderr, text: stdout };
}

test("examples/route-server.yaml: agents may announce what is theirs", () => {
  const { status, stderr, text } = check("route-server.yaml");
  assert.deepEqual([status, stderr], [0, ""]);
  const { agents, peers } = parseYaml(text);
  assert.deepEqual(
    [agents[0].ownRoutesOnly, agents[0].reflectorClient, agents[0].peerCountMax, peers.length],
    [true, true, 1000, 1],
  );
});

test("examples/bgp/reflector.yaml: clients, and another reflector that is none", () => {
  const { status, stderr, text } = check("bgp/reflector.yaml");
  assert.deepEqual([status, stderr], [0, ""]);
  const { peers, gracefulRestart, kernelRoutes } = parseYaml(text);
  assert.deepEqual(
    peers.map((peer: Record<string, unknown>) => [peer["address"], peer["reflectorClient"]]),
    [
      ["192.0.2.11", true],
      ["192.0.2.12", true],
      ["192.0.2.2", undefined],
    ],
  );
  assert.deepEqual([peers[0].import, peers[0].addPathSendMax], ["all: inside the AS", 4]);
  assert.equal(gracefulRestart.longLived.length, 3);
  assert.equal(kernelRoutes, "none: it forwards nothing");
  assert.ok(!text.includes("secret-word"));
});

test("examples/bgp/exchange.yaml: each member has its prefixes, and its own communities", () => {
  const { status, stderr, text } = check("bgp/exchange.yaml");
  assert.deepEqual([status, stderr], [0, ""]);
  const { peers } = parseYaml(text);
  assert.deepEqual([peers[0].role, peers[0].routeServerClient], ["rs", true]);
  assert.equal(
    peers[0].export,
    `policy to-member
  term 0 to-nobody: communities any of 0:64500: reject
  term 1 to-nobody: large communities any of 64500:0:0: reject
  term 2 not-to-it: communities any of 0:64501: reject
  term 3 not-to-it: large communities any of 64500:0:64501: reject
  term 4 to-it: communities any of 64500:64501: accept
  term 5 to-it: large communities any of 64500:1:64501: accept
  term 6 to-others: communities any of 64500:*: reject
  term 7 to-others: large communities any of 64500:1:*: reject
  otherwise accept`,
  );
  assert.match(peers[2].export, /communities any of nothing: reject\n.*64500:0:4200000502: reject/);
  assert.match(
    peers[2].import,
    /^policy clean, import\n(.*\n)*.*term 4 listed: prefix 203\.0\.113\.0\/24: accept\n.*reject$/,
  );
});

test("examples/bgp/top-of-rack.yaml: links, and the kernel", () => {
  const { status, stderr, text } = check("bgp/top-of-rack.yaml");
  assert.deepEqual([status, stderr], [0, ""]);
  const { unnumberedPeers, kernelRoutes, multipath, originate } = parseYaml(text);
  const [spine, , server] = unnumberedPeers;
  assert.deepEqual(
    [spine.interface, spine.otherAsns, spine.extendedNextHop, spine.nextHopSelf],
    ["swp1", "external", true, true],
  );
  assert.deepEqual(server.otherAsns, [{ first: 4200010000, last: 4200019999 }]);
  assert.deepEqual([kernelRoutes, multipath.ebgpCountMax], [{ metric: 20 }, 16]);
  assert.deepEqual(originate[1], { prefix: "10.1.0.0/24", communities: ["65000:1"] });
});

const faults: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  [
    "bgp/exchange.yaml",
    (text) => text.replace("asn: 64501", "asn: 64500"),
    /^heddle-route-server: Cannot read peers\[0\] \(line \d+\): .*routeServerClient in our AS/,
  ],
  [
    "bgp/reflector.yaml",
    (text) => text.replace("hopCountMax: 8", "hopCountMax: 800"),
    /templates\.edge\.bfd\.hopCountMax \(line \d+\): 800, want a whole number from 1 to/,
  ],
  [
    "bgp/reflector.yaml",
    (text) => text.replace("edge.password", "no.password"),
    /Cannot read peers\[0\] \(line \d+\): no password in .*no\.password, ENOENT/,
  ],
  [
    "route-server.yaml",
    (text) => text.replace("route-server.key", "ca.crt"),
    /Cannot use .*ca\.crt/,
  ],
];

for (const [file, change, message] of faults) {
  test(`--check refuses ${message}`, () => {
    const { status, stderr, text } = check(file, change);
    assert.match(stderr, message);
    assert.deepEqual([status, text], [2, ""]);
  });
}

test("what docs/bgp.md shows of the file is good, too", () => {
  const text = readFileSync(path.join(root, "docs/bgp.md"), "utf8");
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml]) => yaml ?? "");
  const parts = blocks.filter((yaml) => !yaml.startsWith("apiVersion"));
  assert.equal(parts.length, 4);
  const head = "name: rs1\nasn: 64500\nrouterId: 192.0.2.1\nfamilies: [ipv4, ipv6]\n";
  for (const yaml of parts) {
    const { status, stderr } = checkText(`${head}${yaml}`);
    assert.deepEqual([status, stderr], [0, ""], yaml);
  }
});
