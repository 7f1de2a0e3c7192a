import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { crc32 } from "node:zlib";
import { formatIp, type Mac, parseIp, parseMac, parsePrefix, parseVrfId } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import { type Allocation, keyOf, type OwnedBlock } from "./allocation.ts";
import { Journal } from "./journal.ts";
import { encodeRecord, scanJournal } from "./journal-text.ts";

const root = await mkdtemp(join(tmpdir(), "heddle-journal-"));
after(() => rm(root, { recursive: true }));
let directoryCount = 0;
function newDirectory(): string {
  directoryCount += 1;
  return join(root, `${directoryCount}`);
}

const mac: Mac = parseMac("02:00:0a:f4:00:05");
const allocation = (i: number, more: Partial<Allocation> = {}): Allocation => ({
  network: "heddle",
  containerId: `c${i}`,
  ifname: "eth0",
  netnsPath: `/run/netns/c${i}`,
  hostIfname: `hv${i}`,
  namespace: "default",
  pod: `web-${i}`,
  podUid: `u${i}`,
  subnet: "pods",
  vpc: "default",
  vrf: parseVrfId(0),
  mac,
  mtu: 9000,
  addresses: [parseIp(`10.0.${i >> 8}.${i & 255}`), parseIp(`fd00::${i.toString(16)}`)],
  infrastructureAddresses: [],
  claim: undefined,
  sinceMs: 1_700_000_000_000,
  ...more,
});
const block: OwnedBlock = {
  prefix: parsePrefix("10.0.0.0/26"),
  pool: "p",
  subnet: "pods",
  vpc: "default",
  vrf: parseVrfId(0),
  claim: undefined,
};

test("a journal gives back what it acknowledged", async () => {
  const directory = newDirectory();
  {
    await using journal = await Journal.open(directory, silentLog);
    assert.equal(journal.condition, "missing");
    await journal.append({ op: "own", block });
    await journal.append({ op: "allocate", allocation: allocation(1, { claim: "db" }) });
    await journal.append({ op: "allocate", allocation: allocation(2) });
    await journal.append({ op: "release", key: keyOf(allocation(2)) });
  }
  await using journal = await Journal.open(directory, silentLog);
  assert.equal(journal.condition, "intact");
  assert.deepEqual([...journal.state.allocations.values()], [allocation(1, { claim: "db" })]);
  assert.deepEqual([...journal.state.blocks.values()], [block]);
});

test("blocks of two VRFs with one prefix, and infrastructure addresses, are kept apart", async () => {
  const directory = newDirectory();
  const vrf = parseVrfId(7);
  const red: OwnedBlock = { ...block, pool: "r", subnet: "red-pods", vpc: "red", vrf };
  const infrastructureAddresses = [parseIp("10.244.0.5"), parseIp("fd00:10:244::5")];
  const pod = allocation(1, { vpc: "red", vrf, infrastructureAddresses });
  const { hostIfname, addresses } = pod;
  const stranger = { hostIfname, vrf, addresses, infrastructureAddresses };
  {
    await using journal = await Journal.open(directory, silentLog);
    for (const each of [block, red]) await journal.append({ op: "own", block: each });
    await journal.append({ op: "allocate", allocation: pod });
    await journal.append({ op: "quarantine", stranger });
    await journal.append({ op: "disown", vrf: block.vrf, prefix: block.prefix });
  }
  await using journal = await Journal.open(directory, silentLog);
  assert.deepEqual([...journal.state.blocks.values()], [red]);
  assert.deepEqual([...journal.state.allocations.values()], [pod]);
  assert.deepEqual([...journal.state.strangers.values()], [stranger]);
});

test("a journal of a version that knew only the native VRF is read", async () => {
  const directory = newDirectory();
  const path = join(directory, "allocations.journal");
  await (await Journal.open(directory, silentLog))[Symbol.asyncDispose]();
  const line = (json: string): string => `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
  const { infrastructureAddresses: _, ...old } = allocation(1);
  const text = { ...old, mac: "02:00:0a:f4:00:05", addresses: old.addresses.map(formatIp) };
  const own = { prefix: "10.0.0.0/26", pool: "p", subnet: "pods" };
  const other = { ...own, prefix: "10.0.0.64/26" };
  await writeFile(
    path,
    line(JSON.stringify({ op: "own", block: own })) +
      line(JSON.stringify({ op: "own", block: other })) +
      line(JSON.stringify({ op: "disown", prefix: other.prefix })) +
      line(JSON.stringify({ op: "allocate", allocation: text })),
    { flag: "a" },
  );
  await using journal = await Journal.open(directory, silentLog);
  assert.equal(journal.condition, "intact");
  assert.deepEqual([...journal.state.blocks.values()], [block]);
  assert.deepEqual([...journal.state.allocations.values()], [allocation(1)]);
});

test("a torn tail is dropped at whatever byte the write stopped", async () => {
  const whole = encodeRecord({ op: "allocate", allocation: allocation(1) });
  const torn = encodeRecord({ op: "allocate", allocation: allocation(2) });
  for (const length of [1, 5, 9, 40, torn.length - 1]) {
    const directory = newDirectory();
    await (await Journal.open(directory, silentLog))[Symbol.asyncDispose]();
    const path = join(directory, "allocations.journal");
    await writeFile(path, whole + torn.slice(0, length), { flag: "a" });
    await using journal = await Journal.open(directory, silentLog);
    assert.equal(journal.condition, "torn");
    assert.deepEqual([...journal.state.allocations.keys()], ["c1/eth0"]);
    await journal.append({ op: "allocate", allocation: allocation(3) });
    assert.equal(scanJournal(await readFile(path, "utf8")).condition, "intact");
  }
});

test("a damaged record loses itself, not what follows, and the file is kept", async () => {
  const directory = newDirectory();
  await (await Journal.open(directory, silentLog))[Symbol.asyncDispose]();
  const path = join(directory, "allocations.journal");
  const lines = [1, 2, 3].map((i) => encodeRecord({ op: "allocate", allocation: allocation(i) }));
  const damaged = (lines[1] as string).replace("web-2", "web-9");
  await writeFile(path, `${lines[0]}${damaged}${lines[2]}`, { flag: "a" });
  const before = await readFile(path, "utf8");
  await using journal = await Journal.open(directory, silentLog);
  assert.equal(journal.condition, "damaged");
  assert.deepEqual([...journal.state.allocations.keys()], ["c1/eth0", "c3/eth0"]);
  assert.equal(await readFile(`${path}.damaged`, "utf8"), before);
});

test("parallel appends are all durable and the file does not grow without end", async () => {
  const directory = newDirectory();
  {
    await using journal = await Journal.open(directory, silentLog);
    for (let round = 0; round < 5; round += 1) {
      const ids = Array.from({ length: 300 }, (_, i) => i);
      await Promise.all(
        ids.map((i) => journal.append({ op: "allocate", allocation: allocation(i) })),
      );
      const gone = ids.filter((i) => i % 10 !== 0);
      await Promise.all(
        gone.map((i) => journal.append({ op: "release", key: keyOf(allocation(i)) })),
      );
    }
  }
  const scan = scanJournal(await readFile(join(directory, "allocations.journal"), "utf8"));
  assert.ok(scan.records.length < 2000, `${scan.records.length} records on disk`);
  await using journal = await Journal.open(directory, silentLog);
  assert.equal(journal.state.allocations.size, 30);
});

test("after an I/O error an append is refused, and the next one starts a new file", async () => {
  const directory = newDirectory();
  const journal = await Journal.open(directory, silentLog);
  await journal.append({ op: "allocate", allocation: allocation(1) });
  // An address that cannot be encoded stands for a disk that cannot be written.
  const broken = allocation(2, { addresses: [undefined as never] });
  await assert.rejects(journal.append({ op: "allocate", allocation: broken }), {
    code: "JournalFailed",
  });
  await journal.append({ op: "allocate", allocation: allocation(3) });
  await journal[Symbol.asyncDispose]();
  await assert.rejects(journal.append({ op: "release", key: "x" }), { code: "JournalClosed" });
  await using again = await Journal.open(directory, silentLog);
  assert.deepEqual([...again.state.allocations.keys()], ["c1/eth0", "c3/eth0"]);
});
