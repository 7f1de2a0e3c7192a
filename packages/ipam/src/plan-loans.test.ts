import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, parseIp, parsePrefix } from "@heddle/inet";
import { AddressBlock } from "./address-block.ts";
import { type LoanRequest, planLoans } from "./plan-loans.ts";

const block = (): AddressBlock =>
  new AddressBlock(parsePrefix("10.0.0.8/30"), {
    subnet: parsePrefix("10.0.0.0/24"),
    gateways: [],
    excluded: [],
  });
const request = (id: string, granted?: string): LoanRequest => ({
  id,
  node: "node2",
  granted: granted === undefined ? undefined : parseIp(granted),
});

test("planLoans() lends free addresses, keeps the owner's spare and refuses the rest", () => {
  const plan = planLoans(block(), [request("b"), request("a"), request("c"), request("d")], [], 1);
  assert.deepEqual(
    plan.lend.map((l) => [l.request.id, formatIp(l.address)]),
    [
      ["a", "10.0.0.8"],
      ["b", "10.0.0.9"],
      ["c", "10.0.0.10"],
    ],
  );
  assert.deepEqual(
    plan.refuse.map((r) => r.id),
    ["d"],
  );
});

test("planLoans() answers again when the answer was lost, ends loans without request", () => {
  const owner = block();
  const loans = ["10.0.0.8", "10.0.0.9", "10.0.0.10"].map((ip) => ({
    address: parseIp(ip),
    node: "node2",
  }));
  for (const loan of loans) owner.lend(loan.address);
  const plan = planLoans(owner, [request("a", "10.0.0.9"), request("b")], loans, 0);
  assert.deepEqual(plan.lend, []);
  assert.deepEqual(
    plan.answer.map((a) => [a.request.id, formatIp(a.address)]),
    [["b", "10.0.0.8"]],
  );
  assert.deepEqual(
    plan.end.map((l) => formatIp(l.address)),
    ["10.0.0.10"],
  );
});
