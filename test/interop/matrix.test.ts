import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatMatrix, type Matrix, markdownOf, matrixIn, type Row, withMatrix } from "./matrix.ts";
import { formatObservation, parseObservation } from "./observations.ts";

const rows = new Map<string, Row>([
  ["7606 broken UPDATEs", { frr: { outcome: "pass" }, bird: { outcome: "fail", reason: "x" } }],
  ["5880 BFD", { frr: { outcome: "pass" }, gobgp: { outcome: "unsupported", reason: "none" } }],
]);
const matrix: Matrix = {
  rows,
  observations: [
    { what: "no ORIGIN", daemon: "frr", reaction: "reset" },
    { what: "no ORIGIN", daemon: "heddle", reaction: "withdrawn" },
  ],
};

describe("matrix", () => {
  test("markdownOf() has features in order, reasons and observations", () => {
    const lines = markdownOf(matrix).filter((line) => /^[|-] [^U-]/.test(line));
    assert.deepEqual(lines, [
      "| Feature | FRR | BIRD | GoBGP | ExaBGP | Heddle |",
      "| 5880 BFD | pass |  | – |  |  |",
      "| 7606 broken UPDATEs | pass | FAIL |  |  |  |",
      "- 5880 BFD: GoBGP: none",
      "| no ORIGIN | reset | – | – | – | withdrawn |",
    ]);
  });

  test("formatMatrix() aligns what it prints", () => {
    assert.deepEqual(formatMatrix(matrix).split("\n"), [
      "feature              FRR        BIRD       GoBGP      ExaBGP     Heddle",
      "5880 BFD             pass                  –",
      "7606 broken UPDATEs  pass       FAIL",
      "no ORIGIN            reset                                       withdrawn",
    ]);
  });

  test("withMatrix() replaces what matrixIn() finds, and nothing else", () => {
    const document = "# Title\n\n<!-- matrix -->\nold\n<!-- end of the matrix -->\nrest\n";
    const changed = withMatrix(document, ["a", "", "b"]);
    assert.deepEqual(matrixIn(changed), ["a", "", "b"]);
    assert.equal(withMatrix(changed, ["old"]), document);
    assert.throws(() => matrixIn("# Title\n"), /Cannot find the matrix/);
  });
});

describe("observations", () => {
  test("parseObservation() reads what formatObservation() writes, and nothing else", () => {
    const observation = { what: "no ORIGIN; wanted: x", daemon: "bird", reaction: "kept" } as const;
    assert.deepEqual(parseObservation(formatObservation(observation)), observation);
    for (const line of ["tests 5", "observed | x | quagga | kept", "observed | x | bird"]) {
      assert.equal(parseObservation(line), undefined);
    }
  });
});
