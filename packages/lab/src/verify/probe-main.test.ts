/** The prober against the echo server, both as they run in the lab, over the loopback. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Probe, ProbeAnswer } from "./probe.ts";

const source = path.resolve(import.meta.dirname, "../../echo/heddle-echo.c");
const prober = path.join(import.meta.dirname, "probe-main.ts");
const folder = mkdtempSync(path.join(tmpdir(), "heddle-probe-"));
const hasCompiler = spawnSync("gcc", ["--version"]).status === 0;
const needsCompiler = hasCompiler ? {} : { skip: "gcc is not installed" };
let echo: ChildProcess | undefined;
let echoPort = 0;
let closedPort = 0;

/** Free now for TCP and UDP in both families, very likely still so in a moment. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "::");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

before(async () => {
  closedPort = await freePort();
  if (!hasCompiler) return;
  const program = path.join(folder, "heddle-echo");
  execFileSync("gcc", ["-std=gnu11", "-o", program, source]);
  echoPort = await freePort();
  const args = [String(echoPort), String(await freePort())];
  echo = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (echo.stdout !== null) await once(echo.stdout, "data");
});

after(() => {
  echo?.kill();
  rmSync(folder, { recursive: true });
});

function probe(protocol: Probe["protocol"], address: string, port: number): Probe {
  return { protocol, address, port, timeoutMs: 300, attempts: 1 };
}

async function answersTo(probes: readonly Probe[]): Promise<ProbeAnswer[]> {
  const child = spawn(process.execPath, [prober], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(probes));
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 0);
  return JSON.parse(text) as ProbeAnswer[];
}

test("TCP and UDP of both families see the source and take time", needsCompiler, async () => {
  const addresses = ["127.0.0.1", "::1"];
  const probes = addresses.flatMap((address) => [
    probe("tcp", address, echoPort),
    probe("udp", address, echoPort),
  ]);
  const answers = await answersTo(probes);
  const shown = answers.map(({ ok, seenSource, reason }) => [ok, seenSource, reason]);
  assert.deepEqual(shown, [
    [true, "127.0.0.1", ""],
    [true, "127.0.0.1", ""],
    [true, "::1", ""],
    [true, "::1", ""],
  ]);
  assert.ok(answers.every(({ latencyMs }) => latencyMs !== null && latencyMs > 0));
});

test("a probe that nobody answers fails with the reason", async () => {
  const [tcp, udp] = await answersTo([
    { ...probe("tcp", "127.0.0.1", closedPort), attempts: 2 },
    probe("udp", "127.0.0.1", closedPort),
  ]);
  const refused = `connect ECONNREFUSED 127.0.0.1:${closedPort}`;
  assert.deepEqual(tcp, { ok: false, latencyMs: null, seenSource: null, reason: refused });
  assert.equal(udp?.ok, false);
  assert.match(String(udp?.reason), /ECONNREFUSED/);
});

test("servers that are silent, or answer something else, fail the probe", async () => {
  const silent = net.createServer().listen(0, "127.0.0.1");
  const chatty = net.createServer((socket) => socket.end("x".repeat(9000))).listen(0, "127.0.0.1");
  const other = net.createServer((socket) => socket.end("hello")).listen(0, "127.0.0.1");
  for (const server of [chatty, other]) {
    server.on("connection", (socket) => socket.on("error", () => socket.destroy()));
  }
  const datagrams = dgram.createSocket("udp4");
  datagrams.bind(0, "127.0.0.1");
  await Promise.all([...[silent, chatty, other], datagrams].map((it) => once(it, "listening")));
  const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;
  const answers = await answersTo([
    ...[silent, chatty, other].map((server) => probe("tcp", "127.0.0.1", portOf(server))),
    probe("udp", "127.0.0.1", datagrams.address().port),
  ]);
  assert.deepEqual(
    answers.map(({ ok, reason }) => `${ok} ${reason}`),
    [
      "false no answer in 300 ms",
      "false the answer is longer than 4096 bytes",
      'false the answer names no peer: "hello"',
      "false no answer in 300 ms",
    ],
  );
  for (const server of [silent, chatty, other, datagrams]) server.close();
});
