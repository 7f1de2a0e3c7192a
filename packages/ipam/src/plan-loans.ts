/**
 * Lending: how a pool of N addresses serves exactly N endpoints although its blocks belong to
 * nodes.
 *
 * A node that finds no block asks the owner of one for a single address. The request lives as long
 * as the loan. The owner masks the address in its own table first and records the loan afterwards,
 * so the record never names an address that the owner could still give away; it takes an address
 * back only when the request is gone, which the borrower removes after it has stopped using the
 * address and withdrawn its route.
 *
 * This is the owner's plan, a pure comparison of requests with recorded loans; order of effects:
 * {@link LoanPlan}.
 */
import { compareIp, type Ip } from "@heddle/inet";
import type { AddressBlock } from "./address-block.ts";

/** A wish for one address of the block. */
export interface LoanRequest {
  /** Unique name of the request. */
  readonly id: string;
  readonly node: string;
  /** The address that the owner has answered with; undefined before. */
  readonly granted: Ip | undefined;
}

/** A recorded loan. */
export interface Loan {
  readonly address: Ip;
  readonly node: string;
}

export interface LoanPlan {
  /** Mask, record, then answer the request with the address. */
  readonly lend: readonly { readonly request: LoanRequest; readonly address: Ip }[];
  /** Recorded, but the answer was lost: answer again. */
  readonly answer: readonly { readonly request: LoanRequest; readonly address: Ip }[];
  /** The request is gone: remove the record, then unmask. */
  readonly end: readonly Loan[];
  /** No address is free for these. */
  readonly refuse: readonly LoanRequest[];
}

/** `spareCount` addresses of the block stay with the owner: it lends only what is above. */
export function planLoans(
  block: AddressBlock,
  requests: readonly LoanRequest[],
  loans: readonly Loan[],
  spareCount: number,
): LoanPlan {
  const unmatched = new Set(loans.toSorted((a, b) => compareIp(a.address, b.address)));
  const open = requests.filter((request) => !settle(unmatched, request, request.granted));
  const answer: { request: LoanRequest; address: Ip }[] = [];
  const wanting: LoanRequest[] = [];
  for (const request of open.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const loan = [...unmatched].find((candidate) => candidate.node === request.node);
    if (loan === undefined) {
      wanting.push(request);
    } else {
      unmatched.delete(loan);
      answer.push({ request, address: loan.address });
    }
  }
  const free = freeAddresses(block, Math.min(wanting.length, block.count("free") - spareCount));
  return {
    lend: free.map((address, i) => ({ request: wanting[i] as LoanRequest, address })),
    answer,
    end: [...unmatched],
    refuse: wanting.slice(free.length),
  };
}

/** Removes the loan that answers the request; false when there is none. */
function settle(loans: Set<Loan>, request: LoanRequest, granted: Ip | undefined): boolean {
  for (const loan of loans) {
    if (loan.address === granted && loan.node === request.node) return loans.delete(loan);
  }
  return false;
}

function freeAddresses(block: AddressBlock, count: number): Ip[] {
  return [...block.freeAddresses()].slice(0, Math.max(0, count));
}
