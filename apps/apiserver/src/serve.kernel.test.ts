/** The process: sockets in two namespaces, a clean end, and what it keeps across a kill. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

const main = path.join(import.meta.dirname, "main.ts");
const token = "test-token-0123456789";
const netns = `ht-${process.pid}`;

/** Prints the answer's status to a request with our token: run inside a namespace. */
const client = `
const [ca, url, method, body] = process.argv.slice(1);
const https = require("node:https");
const headers = { authorization: "Bearer ${token}", "content-type": "application/json" };
const options = { method, headers, ca: require("node:fs").readFileSync(ca), servername: "localhost" };
https.request(url, options, (r) => { console.log(r.statusCode); r.resume(); }).end(body);
`;

interface Running {
  readonly child: ChildProcess;
  readonly addresses: readonly string[];
}

async function start(folder: string): Promise<Running> {
  const file = (name: string): string => path.join(folder, name);
  const listen = ["--listen", "127.0.0.1:0", "--listen", `127.0.0.1:0@/run/netns/${netns}`];
  const tls = ["--tls-cert", file("tls.crt"), "--tls-key", file("tls.key")];
  const rest = ["--data-dir", file("data"), "--token-file", file("tokens")];
  const child = spawn(process.execPath, [main, ...listen, ...tls, ...rest], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  for await (const chunk of child.stderr.setEncoding("utf8")) {
    log += chunk;
    const ready = log.split("\n").find((line) => line.includes("the server is ready"));
    if (ready !== undefined) return { child, addresses: JSON.parse(ready).addresses };
  }
  throw new Error(`the server did not start: ${log}`);
}

function ask(
  folder: string,
  prefix: readonly string[],
  url: string,
  method: string,
  body = "",
): string {
  const args = [...prefix, process.execPath, "-e", client, path.join(folder, "tls.crt")];
  const [command, ...given] = [...args, url, method, body];
  return execFileSync(String(command), given, { encoding: "utf8" }).trim();
}

test("the server listens in two namespaces, ends cleanly and survives a kill", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "heddle-serve-"));
  let running: Running | undefined;
  execFileSync("ip", ["netns", "add", netns]);
  try {
    execFileSync("ip", ["-n", netns, "link", "set", "lo", "up"]);
    makeCertificate(folder);
    writeFileSync(path.join(folder, "tokens"), `${token},admin,1,"heddle:admins"\n`);
    running = await start(folder);
    const [here, there] = running.addresses;
    const maps = "/api/v1/namespaces/default/configmaps";
    const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"kept"}}';
    const inside = ["ip", "netns", "exec", netns];
    assert.equal(ask(folder, inside, `https://${there}${maps}`, "POST", body), "201");
    assert.equal(ask(folder, [], `https://${here}${maps}/kept`, "GET"), "200");
    running.child.kill("SIGKILL");
    await once(running.child, "exit");

    running = await start(folder);
    assert.equal(ask(folder, [], `https://${running.addresses[0]}${maps}/kept`, "GET"), "200");
    running.child.kill("SIGTERM");
    assert.deepEqual(await once(running.child, "exit"), [0, null]);
  } finally {
    running?.child.kill("SIGKILL");
    execFileSync("ip", ["netns", "del", netns]);
    rmSync(folder, { recursive: true });
  }
});

function makeCertificate(folder: string): void {
  const file = (name: string): string => path.join(folder, name);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const out = ["-keyout", file("tls.key"), "-out", file("tls.crt")];
  const subject = ["-subj", "/CN=localhost", "-days", "1"];
  execFileSync("openssl", ["req", "-x509", ...key, ...out, ...subject, ...names], {
    stdio: "ignore",
  });
}
