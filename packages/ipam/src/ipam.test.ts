import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatIp,
  formatPrefix,
  hostPrefix,
  type Ip,
  ParseError,
  type Prefix,
  parseIp,
  parsePrefix,
} from "@heddle/inet";
import fc from "fast-check";
import { AddressBlock } from "./address-block.ts";
import { IpamError } from "./errors.ts";
import { type PoolView, planAllocation } from "./plan-allocation.ts";
import { blockCandidates, blockCountOf, blockOf, makePool } from "./pool.ts";
import { isReserved, parseReservations, type SubnetReservation } from "./reserved.ts";

const open = (subnet: string, gateways: string[] = []): SubnetReservation => ({
  subnet: parsePrefix(subnet),
  gateways: gateways.map(parseIp),
  excluded: [],
});

test("makePool() refuses a block length outside the pool", () => {
  assert.throws(() => makePool("p", parsePrefix("10.0.0.0/24"), 23), {
    code: "InvalidPool",
    message: "Cannot cut pool p (10.0.0.0/24) into blocks: block length 23, want 24 to 32",
  });
  assert.throws(() => makePool("p", parsePrefix("fd00::/48"), 100), { code: "InvalidPool" });
});

test("blockCandidates() is a permutation of the pool for every node", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 }), fc.string({ minLength: 1 }), (bits, node) => {
      const pool = makePool("p", parsePrefix("10.0.0.0/16"), 16 + bits);
      const seen = new Set(blockCandidates(pool, node));
      assert.equal(BigInt(seen.size), blockCountOf(pool));
    }),
    { numRuns: 50 },
  );
});

test("blockCandidates() sends nodes to different blocks", () => {
  const pool = makePool("p", parsePrefix("10.244.0.0/16"), 26);
  const firsts = new Set<Prefix>();
  for (let i = 1; i <= 100; i += 1) {
    firsts.add(blockCandidates(pool, `node${i}`).next().value as Prefix);
  }
  // 100 names thrown into 1024 blocks meet about 5 times.
  assert.ok(firsts.size >= 88, `${firsts.size} different first choices`);
});

test("blockCandidates() of an IPv6 pool stays in the low window", () => {
  const pool = makePool("p", parsePrefix("fd00:10:244::/48"), 122);
  const block = blockCandidates(pool, "node1").next().value as Prefix;
  assert.match(formatPrefix(block), /^fd00:10:244::[0-9a-f:]+\/122$/);
  assert.equal(blockOf(pool, block.address), block);
  assert.equal(blockOf(pool, parseIp("fd01::1")), undefined);
});

test("isReserved() follows the subnet, not the block", () => {
  const v4 = open("10.0.0.0/24", ["10.0.0.1"]);
  const reserved = (r: SubnetReservation, ip: string): boolean => isReserved(r, parseIp(ip));
  assert.equal(reserved(v4, "10.0.0.0"), true);
  assert.equal(reserved(v4, "10.0.0.1"), true);
  assert.equal(reserved(v4, "10.0.0.63"), false);
  assert.equal(reserved(v4, "10.0.0.64"), false);
  assert.equal(reserved(v4, "10.0.0.255"), true);
  assert.equal(reserved(v4, "10.0.1.0"), true);
  assert.equal(reserved(open("10.0.0.0/31"), "10.0.0.0"), false);
  assert.equal(reserved(open("fd00::/64"), "fd00::"), true);
  assert.equal(reserved(open("fd00::/64"), "fd00::ffff:ffff:ffff:ffff"), false);
  const range = { first: parseIp("10.0.0.10"), last: parseIp("10.0.0.20") };
  const excluded = { ...v4, excluded: [range] };
  assert.equal(reserved(excluded, "10.0.0.20"), true);
  assert.equal(reserved(excluded, "10.0.0.21"), false);
});

test("AddressBlock gives every usable address once, then none", () => {
  const block = new AddressBlock(parsePrefix("10.0.0.0/28"), open("10.0.0.0/28", ["10.0.0.1"]));
  const taken: string[] = [];
  for (let ip = block.takeNext(); ip !== undefined; ip = block.takeNext()) taken.push(formatIp(ip));
  assert.equal(taken.length, 13);
  assert.equal(new Set(taken).size, 13);
  assert.equal(taken[0], "10.0.0.2");
  assert.equal(block.count("free"), 0);
});

test("AddressBlock lets a released address rest", () => {
  const block = new AddressBlock(parsePrefix("10.0.0.64/29"), open("10.0.0.0/24"));
  const first = block.takeNext() as Ip;
  block.release(first);
  for (let i = 0; i < 7; i += 1) assert.notEqual(block.takeNext(), first);
  assert.equal(block.takeNext(), first);
});

test("AddressBlock refuses a double take, a stranger and a release of nothing", () => {
  const block = new AddressBlock(parsePrefix("10.0.0.64/29"), open("10.0.0.0/24"));
  block.take(parseIp("10.0.0.65"));
  assert.throws(() => block.take(parseIp("10.0.0.65")), {
    code: "NotFree",
    message: "Cannot make 10.0.0.65 held: it is held, want free",
  });
  assert.throws(() => block.take(parseIp("10.0.0.1")), { code: "NotInBlock" });
  assert.throws(() => block.release(parseIp("10.0.0.66")), { code: "NotHeld" });
});

test("AddressBlock agrees with a set under any order of operations", () => {
  const prefix = parsePrefix("10.0.0.16/28");
  const operation = fc.record({
    kind: fc.constantFrom("next", "take", "release", "lend", "endLoan"),
    offset: fc.nat(15),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const block = new AddressBlock(prefix, open("10.0.0.16/28"));
      const model = new Map<Ip, string>();
      for (const { kind, offset } of operations) {
        const ip = parseIp(`10.0.0.${16 + offset}`);
        apply(block, model, kind, ip);
        assert.equal(block.count("held") + block.count("lent"), model.size);
        assert.equal(block.count("free"), block.usableCount - model.size);
      }
      for (const [ip, state] of model) assert.equal(block.stateOf(ip), state);
    }),
    { numRuns: 200 },
  );
});

function apply(block: AddressBlock, model: Map<Ip, string>, kind: string, ip: Ip): void {
  const before = block.stateOf(ip);
  const expect = (ok: boolean, run: () => void, next: string | undefined): void => {
    if (!ok) {
      assert.throws(run, IpamError);
    } else {
      run();
      if (next === undefined) model.delete(ip);
      else model.set(ip, next);
    }
  };
  if (kind === "next") {
    const taken = block.takeNext();
    if (taken === undefined) assert.equal(model.size, block.usableCount);
    else assert.equal(model.has(taken), false, "never double");
    if (taken !== undefined) model.set(taken, "held");
  } else if (kind === "take") expect(before === "free", () => block.take(ip), "held");
  else if (kind === "release") expect(before === "held", () => block.release(ip), undefined);
  else if (kind === "lend") expect(before === "free", () => block.lend(ip), "lent");
  else expect(before === "lent", () => block.endLoan(ip), undefined);
}

const pool = makePool("p", parsePrefix("10.0.0.0/27"), 29);
const request = { node: "node1", subnet: "s", candidateCountMax: 8 };
const view = (more: Partial<PoolView>): PoolView => ({
  pool,
  disabled: false,
  own: [],
  foreign: undefined,
  ...more,
});

test("planAllocation() takes from an own block before it claims", () => {
  const own = [new AddressBlock(parsePrefix("10.0.0.8/29"), open("10.0.0.0/27"))];
  const plan = planAllocation([view({ own })], request);
  assert.equal(plan.kind === "take" && formatIp(plan.address), "10.0.0.8");
});

test("planAllocation() claims only what is not known to be taken", () => {
  const foreign = ["10.0.0.0/29", "10.0.0.8/29", "10.0.0.16/29"].map((text) => ({
    prefix: parsePrefix(text),
    node: "node2",
    freeCount: 0,
  }));
  const plan = planAllocation([view({ foreign })], request);
  assert.deepEqual(plan.kind === "claim" && plan.candidates.map(formatPrefix), ["10.0.0.24/29"]);
});

test("planAllocation() borrows where most is spare, then refuses with the counts", () => {
  const foreign = [0, 8, 16, 24].map((offset) => ({
    prefix: parsePrefix(`10.0.0.${offset}/29`),
    node: `node${offset}`,
    freeCount: offset,
  }));
  const plan = planAllocation([view({ foreign })], request);
  assert.deepEqual(plan.kind === "borrow" && plan.lenders.map((l) => l.node), [
    "node24",
    "node16",
    "node8",
  ]);
  const full = foreign.map((block) => ({ ...block, freeCount: 0 }));
  assert.deepEqual(planAllocation([view({ foreign: full })], request), {
    kind: "exhausted",
    reason:
      "pool p (10.0.0.0/27): all 4 blocks claimed, 0 of 0 addresses here in use, " +
      "4 blocks of other nodes with none to lend",
  });
  assert.deepEqual(planAllocation([view({ disabled: true })], request), {
    kind: "exhausted",
    reason: "pool p is disabled",
  });
  assert.deepEqual(planAllocation([], request), {
    kind: "exhausted",
    reason: "subnet s has no pool of this family",
  });
});

test("a pool of N addresses serves exactly N endpoints on nodes that claim and borrow", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 40, maxLength: 60 }), (askers) => {
      const nodes = [0, 1, 2, 3].map((i) => ({ name: `node${i}`, own: [] as AddressBlock[] }));
      const given = new Set<Ip>();
      for (const asker of askers) {
        const ip = allocate(nodes, asker);
        if (ip === undefined) assert.equal(given.size, 30, "refused only when all are used");
        else assert.equal(given.has(ip), false, "never double");
        if (ip !== undefined) given.add(ip);
      }
      assert.equal(given.size, 30);
    }),
    { numRuns: 50 },
  );
});

interface ModelNode {
  readonly name: string;
  readonly own: AddressBlock[];
}

/**
 * Plays the node's part against shared truth: at most a claim and a loan before the address is
 * taken.
 */
function allocate(nodes: readonly ModelNode[], asker: number): Ip | undefined {
  const node = nodes[asker] as ModelNode;
  const reservation = open("10.0.0.0/27");
  for (let round = 0; round < 3; round += 1) {
    const foreign = nodes
      .filter((other) => other !== node)
      .flatMap((other) =>
        other.own.map((b) => ({ prefix: b.prefix, node: other.name, freeCount: b.count("free") })),
      );
    const plan = planAllocation([view({ own: node.own, foreign })], {
      ...request,
      node: node.name,
    });
    if (plan.kind === "exhausted") return undefined;
    if (plan.kind === "take") {
      plan.block.take(plan.address);
      return plan.address;
    }
    if (plan.kind === "claim") {
      node.own.push(new AddressBlock(plan.candidates[0] as Prefix, reservation));
    } else {
      const lender = plan.lenders[0];
      const blocks = nodes.flatMap((other) => other.own);
      const block = blocks.find((b) => b.prefix === lender?.prefix) as AddressBlock;
      const address = block.peekNext() as Ip;
      block.lend(address);
      node.own.push(new AddressBlock(hostPrefix(address), reservation));
    }
  }
  assert.fail("three rounds are enough");
}

test("parseReservations() gives one of each family, with addresses and prefixes as ranges", () => {
  const found = parseReservations({
    cidrs: ["10.0.0.0/24", "fd00::/64"],
    gateways: ["10.0.0.1"],
    excludedAddresses: ["10.0.0.16/30", "10.0.0.99", "fd00::10/124"],
  });
  const reserved = (family: 4 | 6, ip: string): boolean => {
    const reservation = found.get(family);
    return reservation === undefined || isReserved(reservation, parseIp(ip));
  };
  assert.deepEqual([...found.keys()], [4, 6]);
  const last = ["1", "2", "15", "16", "19", "20", "98", "99", "100"];
  assert.deepEqual(
    last.filter((n) => reserved(4, `10.0.0.${n}`)),
    ["1", "16", "19", "99"],
  );
  assert.deepEqual(
    ["f", "10", "1f", "20"].filter((n) => reserved(6, `fd00::${n}`)),
    ["10", "1f"],
  );
  const bad = { cidrs: ["10.0.0.0/24"], gateways: [], excludedAddresses: ["10.0.0.1/24"] };
  assert.throws(() => parseReservations(bad), ParseError);
});
