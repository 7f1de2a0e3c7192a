/** AIGP (RFC 7311) with BIRD, in both directions. Needs root and BIRD. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { acceptAll } from "@heddle/bgp";
import { parseAsn, parseIp4, parsePrefix } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import { noFib, type Route, Speaker } from "../src/mod.ts";
import { Lab, until } from "./testing/lab.ts";

const birdConfig = `
router id 172.16.0.0;
protocol device {}
protocol static {
  ipv4;
  route 198.51.100.0/24 blackhole { igp_metric = 30; };
}
protocol bgp node {
  local 172.16.0.0 as 65201;
  neighbor 172.16.0.1 as 65203;
  connect retry time 1;
  connect delay time 1;
  ipv4 { import all; export all; next hop self; aigp originate; };
}
`;
const prefix = parsePrefix("10.7.0.0/16");

describe("AIGP with BIRD", { timeout: 40_000 }, () => {
  const lab = new Lab();
  const folder = mkdtempSync(path.join(tmpdir(), "ht-bird-"));
  const control = path.join(folder, "bird.ctl");
  let bird: ChildProcess | undefined;

  before(() => {
    lab.addNamespace("bird");
    lab.addNamespace("node");
    lab.link("bird", "node", { a: ["172.16.0.0/31"], b: ["172.16.0.1/31"] });
    writeFileSync(path.join(folder, "bird.conf"), birdConfig);
    const args = ["-f", "-c", path.join(folder, "bird.conf"), "-s", control];
    bird = spawn("ip", ["netns", "exec", lab.full("bird"), "bird", ...args], { stdio: "ignore" });
  });
  after(async () => {
    const gone = new Promise((resolve) => bird?.once("exit", resolve));
    if (bird?.kill() === true) await gone;
    await lab[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (aigp: boolean): Promise<Speaker> =>
    Speaker.start(
      {
        ...{ asn: parseAsn(65203), routerId: parseIp4("172.16.0.1"), families: ["ipv4-unicast"] },
        listen: [{ address: parseIp4("172.16.0.1"), port: 179 }],
        peers: [
          {
            ...{ address: parseIp4("172.16.0.0"), localAddress: parseIp4("172.16.0.1") },
            ...{ asn: parseAsn(65201), kind: "fabric", families: ["ipv4-unicast"] },
            ...{ importPolicy: acceptAll, exportPolicy: acceptAll, aigp },
          },
        ],
        multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
        timers: { connectRetryMs: 500, idleHoldMinMs: 100, idleHoldMaxMs: 400 },
      },
      { log: silentLog, fib: noFib, netns: lab.path("node") },
    );
  const learned = (speaker: Speaker): Promise<Route> =>
    until("BIRD's route", () =>
      [...speaker.routes()].find(({ from }) => from === parseIp4("172.16.0.0")),
    );
  const shown = (): Promise<string> =>
    until("our route in BIRD", () => {
      const args = ["-s", control, "show", "route", "all", "for", "10.7.0.0/16"];
      const text = execFileSync("birdc", args, { encoding: "utf8" });
      return text.includes("BGP.as_path: 65203") ? text : undefined;
    });

  test("where it is enabled, each side has the other's", async () => {
    await using speaker = await start(true);
    speaker.announce(prefix, { aigp: 77n });
    assert.equal((await learned(speaker)).attributes.aigp, 30n);
    assert.match(await shown(), /BGP\.aigp: 77\b/);
  });

  test("over eBGP without it, neither side has any", async () => {
    await using speaker = await start(false);
    speaker.announce(prefix, { aigp: 77n });
    assert.equal((await learned(speaker)).attributes.aigp, undefined);
    assert.doesNotMatch(await shown(), /BGP\.aigp/);
  });
});
