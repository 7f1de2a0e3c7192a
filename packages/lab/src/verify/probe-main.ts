/**
 * Sends the probes of one endpoint, from inside its network namespace. Reads a JSON array of
 * `Probe` on stdin and writes a JSON array of `ProbeAnswer` in the same order. TCP asks the echo
 * server's HTTP page, UDP its datagram port; both answer with the source address they saw. ICMP
 * uses the system's ping.
 */
import { execFile } from "node:child_process";
import dgram from "node:dgram";
import { readFileSync } from "node:fs";
import net from "node:net";
import { inParallel } from "../parallel.ts";
import type { Probe, ProbeAnswer } from "./probe.ts";

const answerBytesMax = 4096;

/** While it is only asked whether there is an answer. */
const probesAtOnce = 32;

async function main(): Promise<void> {
  const probes = JSON.parse(readFileSync(0, "utf8")) as readonly Probe[];
  // Side by side, so that flows that are broken do not add up their time-outs.
  const answers = await inParallel(probes, probesAtOnce, firstAnswerOf);
  // One after the other: probes at once measure each other. The first was a cold start, besides.
  for (const [i, probe] of probes.entries()) if (answers[i]?.ok) answers[i] = await send(probe);
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}

async function firstAnswerOf(probe: Probe): Promise<ProbeAnswer> {
  let last: ProbeAnswer = { ok: false, latencyMs: null, seenSource: null, reason: "not sent" };
  for (let attempt = 0; attempt < probe.attempts && !last.ok; attempt += 1)
    last = await send(probe);
  return last;
}

function send(probe: Probe): Promise<ProbeAnswer> {
  if (probe.protocol === "icmp") return ping(probe);
  return probe.protocol === "tcp" ? askHttp(probe) : askDatagram(probe);
}

function failed(reason: string): ProbeAnswer {
  return { ok: false, latencyMs: null, seenSource: null, reason };
}

function elapsedMs(sinceNs: bigint): number {
  return Number(process.hrtime.bigint() - sinceNs) / 1e6;
}

function ping(probe: Probe): Promise<ProbeAnswer> {
  const timeoutS = Math.max(1, Math.ceil(probe.timeoutMs / 1000));
  const args = ["-n", "-c", "1", "-W", String(timeoutS), probe.address];
  return new Promise((resolve) => {
    execFile("ping", args, (error, stdout, stderr) => {
      const time = /time=([0-9.]+) ms/.exec(stdout);
      if (error === null && time !== null) {
        resolve({ ok: true, latencyMs: Number(time[1]), seenSource: null, reason: "" });
        return;
      }
      const answer = /^From .*$/m.exec(stdout);
      const said = answer === null ? stderr.trim().split("\n")[0] : answer[0];
      resolve(failed(said === undefined || said === "" ? `no reply in ${timeoutS} s` : said));
    });
  });
}

function askHttp(probe: Probe): Promise<ProbeAnswer> {
  const start = process.hrtime.bigint();
  let connectedMs: number | null = null;
  let text = "";
  return new Promise((resolve) => {
    const socket = net.connect({ host: probe.address, port: probe.port });
    const done = (answer: ProbeAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(probe.timeoutMs, () => done(failed(`no answer in ${probe.timeoutMs} ms`)));
    socket.on("connect", () => {
      connectedMs = elapsedMs(start);
      socket.write("GET / HTTP/1.0\r\n\r\n");
    });
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text.length > answerBytesMax) done(failed("the answer is longer than 4096 bytes"));
    });
    socket.on("error", (error) => done(failed(error.message)));
    socket.on("end", () => done(answerFrom(text, connectedMs)));
  });
}

function askDatagram(probe: Probe): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(probe.address.includes(":") ? "udp6" : "udp4");
    const done = (answer: ProbeAnswer): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(
      () => done(failed(`no answer in ${probe.timeoutMs} ms`)),
      probe.timeoutMs,
    );
    socket.on("error", (error) => done(failed(error.message)));
    // Without a route, this is where it is said.
    socket.connect(probe.port, probe.address, (error?: Error) => {
      if (error !== undefined) return done(failed(error.message));
      const start = process.hrtime.bigint();
      socket.on("message", (message) => done(answerFrom(message.toString(), elapsedMs(start))));
      socket.send("heddle-probe");
    });
  });
}

/**
 * The echo server's JSON is `{"hostname": "...", "peer": "address"}`, the last line of its answer.
 */
function answerFrom(text: string, latencyMs: number | null): ProbeAnswer {
  const match = /"peer":\s*"([0-9a-f.:]+)"/.exec(text);
  if (match === null)
    return failed(`the answer names no peer: ${JSON.stringify(text.slice(0, 60))}`);
  return { ok: true, latencyMs, seenSource: match[1] as string, reason: "" };
}

await main();
