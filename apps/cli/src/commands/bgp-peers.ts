/** `heddle bgp peers` and `heddle bgp peer ADDRESS` */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { PeerView } from "@heddle/admin";
import type { Command } from "commander";
import { askAgent } from "../agent-client.ts";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";
import { type Column, formatAge, printJson, printRows } from "../output.ts";
import { askThoseThatKnow, type BgpTargetOptions, bgpTargets } from "./bgp-targets.ts";

export interface PeersOptions extends BgpTargetOptions {
  /** Seconds; true takes the default. */
  readonly watch?: string | true;
}

const watchSecondsDefault = 2;
const clearScreen = "\u001b[H\u001b[2J";

const columns: readonly Column<PeerView>[] = [
  { header: "NODE", cell: (row) => row.node },
  { header: "PEER", cell: (row) => row.address },
  { header: "AS", cell: (row) => String(row.asn) },
  { header: "STATE", cell: (row) => row.state },
  { header: "UP", cell: (row) => (row.uptimeMs > 0 ? formatAge(row.uptimeMs) : "-") },
  { header: "FLAPS", cell: (row) => String(row.flaps) },
  { header: "BFD", cell: (row) => row.bfd ?? "-" },
  { header: "RECEIVED", cell: (row) => String(row.received) },
  { header: "ACCEPTED", cell: (row) => String(row.accepted) },
  { header: "ADVERTISED", cell: (row) => String(row.advertised) },
  { header: "REASON", cell: (row) => row.reason ?? "-" },
];

export async function peers(options: PeersOptions, command: Command): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const everySeconds = watchSecondsOf(options.watch);
  const targets = bgpTargets(stateDir, options);
  const show = async (before: string): Promise<readonly PeerView[]> => {
    const answers = await askThoseThatKnow(targets, (socketPath) =>
      askAgent<PeerView[]>(socketPath, "/v1/bgp/peers"),
    );
    process.stdout.write(before);
    printRows(output, answers.flat(), columns);
    return answers.flat();
  };
  if (everySeconds === undefined) return judge(await show(""));
  const before = output === "table" ? clearScreen : "";
  for (;;) {
    // Whoever watches wants to see a process come back that has gone.
    await show(before).catch((error: unknown) => {
      if (!(error instanceof CliError)) throw error;
      process.stderr.write(`heddle: ${error.message}\n`);
    });
    await sleep(everySeconds * 1000);
  }
}

function judge(rows: readonly PeerView[]): void {
  const down = rows.filter((row) => row.state !== "Established").length;
  if (down === 0) return;
  throw new CliError(`${down} of ${rows.length} sessions are down`, exitCodes.verdictFailed);
}

/** @throws CliError */
function watchSecondsOf(watch: PeersOptions["watch"]): number | undefined {
  if (watch === undefined) return undefined;
  if (watch === true) return watchSecondsDefault;
  const seconds = Number(watch);
  if (Number.isFinite(seconds) && seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new CliError(`--watch ${watch}, want seconds from 0.1 to 3600`, exitCodes.usage);
}

export async function peer(
  address: string,
  options: BgpTargetOptions,
  command: Command,
): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const path = `/v1/bgp/peers?${new URLSearchParams({ peer: address })}`;
  const answers = await askThoseThatKnow(bgpTargets(stateDir, options), (socketPath) =>
    askAgent<PeerView[]>(socketPath, path),
  );
  const found = answers.flat();
  if (output === "json") printJson(found);
  else for (const view of found) printPeer(view);
  judge(found);
}

function printPeer(view: PeerView): void {
  const facts: readonly (readonly [name: string, value: string])[] = [
    ["state", `${view.state}${view.reason === null ? "" : `: ${view.reason}`}`],
    ["up", view.uptimeMs > 0 ? formatAge(view.uptimeMs) : "-"],
    ["established", `${view.establishedCount} times, ${view.flaps} flaps`],
    ["last error", momentOf(view.lastError, view.lastErrorAt)],
    ["last session end", momentOf(view.lastLoss, view.lastLossAt)],
    ["AS", `${view.asn} (${view.kind})`],
    ["router id", view.routerId ?? "-"],
    ["from range", view.dynamic ?? "-"],
    ["certificate", view.certificateName ?? "-"],
    ["timers", `hold ${view.holdTimeMs / 1000} s, keepalive ${view.keepaliveMs / 1000} s`],
    ["BFD", view.bfd ?? "-"],
    ["graceful restart", gracefulRestartOf(view)],
    ["capabilities", capabilitiesOf(view)],
    ["messages received", countsOf(view.messages.received)],
    ["messages sent", countsOf(view.messages.sent)],
    ["routes discarded", countsOf(view.discards)],
    ["send queue", queueOf(view)],
    [
      "failed attempts",
      `${view.connectRetryCounter} since the start, back-off ${view.failureCount}`,
    ],
  ];
  console.log(`${view.address} on ${view.node}`);
  for (const [name, value] of facts) console.log(`  ${name.padEnd(18)} ${value}`);
  console.log("");
  const families = Object.entries(view.counts).map(([family, counts]) => ({ family, ...counts }));
  printRows("table", families, [
    { header: "  FAMILY", cell: (row) => `  ${row.family}` },
    { header: "SESSION", cell: (row) => (view.families.includes(row.family) ? "yes" : "no") },
    { header: "RECEIVED", cell: (row) => String(row.received) },
    { header: "ACCEPTED", cell: (row) => String(row.accepted) },
    { header: "STALE", cell: (row) => String(row.stale) },
    { header: "ADVERTISED", cell: (row) => String(row.advertised) },
    { header: "NOTE", cell: (row) => noteOf(view, row.family) },
  ]);
}

function momentOf(what: string | null, at: string | null): string {
  return what === null ? "-" : `${what} (${at})`;
}

function gracefulRestartOf({ gracefulRestart, staleFamilies }: PeerView): string {
  const stale = staleFamilies.length === 0 ? "" : `, stale: ${staleFamilies.join(" ")}`;
  return `${gracefulRestart ? "negotiated" : "no"}${stale}`;
}

/** Those that are in force, with what they say. */
function capabilitiesOf({ capabilities }: PeerView): string {
  if (capabilities === null) return "-";
  const texts = Object.entries(capabilities).flatMap(([name, value]) => {
    if (value === true) return [name];
    if (typeof value === "string") return [`${name}=${value}`];
    return Array.isArray(value) && value.length > 0 ? [`${name}=${value.join(",")}`] : [];
  });
  return texts.join(" ") || "none";
}

function countsOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

function queueOf({ sendQueueOctets, slowForMs }: PeerView): string {
  return slowForMs === null
    ? `${sendQueueOctets} octets`
    : `${sendQueueOctets} octets; the peer has been slow for ${formatAge(slowForMs)}`;
}

function noteOf(view: PeerView, family: string): string {
  const { counts, longLivedFamilies, prefixWarnings, unansweredRefreshes } = view;
  const notUsed = Object.entries(counts[family]?.notUsed ?? {});
  const unanswered = unansweredRefreshes.find((refresh) => refresh.family === family);
  const notes = [
    ...(prefixWarnings.includes(family) ? ["near its prefix limit"] : []),
    ...(longLivedFamilies.includes(family) ? ["long-lived stale"] : []),
    ...(unanswered === undefined ? [] : [`refresh unanswered since ${unanswered.askedAt}`]),
    ...notUsed.map(([why, count]) => `${count} not used: ${why}`),
  ];
  return notes.join(", ") || "-";
}
