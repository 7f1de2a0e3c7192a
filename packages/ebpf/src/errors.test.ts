import assert from "node:assert/strict";
import { test } from "node:test";
import {
  explainVerifierLog,
  isKernelAtLeast,
  UnsupportedKernelError,
  VerifierError,
} from "./errors.ts";

const log = `libbpf: prog 'from_pod': BPF program load failed: Permission denied
libbpf: prog 'from_pod': -- BEGIN PROG LOAD LOG --
157: (15) if r8 == 0x0 goto pc+9      ; R8=pkt(r=14)
158: (71) r1 = *(u8 *)(r8 +14)
invalid access to packet, off=14 size=1, R8(id=0,off=14,r=14)
R8 offset is outside of the packet
processed 902 insns (limit 1000000) max_states_per_insn 3 total_states 77
-- END PROG LOAD LOG --
libbpf: prog 'from_pod': failed to load: -13
`;

test("explainVerifierLog() names the program and the last line that says something", () => {
  assert.deepEqual(explainVerifierLog(log), {
    program: "from_pod",
    reason: "R8 offset is outside of the packet",
  });
  assert.deepEqual(explainVerifierLog(""), {
    program: "(unknown)",
    reason: "the verifier gave no reason",
  });
});

test("VerifierError keeps the log and shows its reason", () => {
  const error = new VerifierError("heddle", log);
  const want = "Cannot load program from_pod of heddle: R8 offset is outside of the packet";
  assert.equal(error.message, want);
  assert.equal(error.log, log);
});

test("isKernelAtLeast() compares numbers, not text", () => {
  assert.equal(isKernelAtLeast("6.6", "6.10.3-amd64"), true);
  assert.equal(isKernelAtLeast("6.6", "6.6.0"), true);
  assert.equal(isKernelAtLeast("6.6", "6.1.0-32-amd64"), false);
  assert.equal(isKernelAtLeast("6.6", "5.19"), false);
  assert.equal(isKernelAtLeast("6.6", "7.0"), true);
});

test("UnsupportedKernelError names feature and minimum", () => {
  const error = new UnsupportedKernelError("the data plane", "6.1", "5.10.0");
  assert.equal(error.message, "Cannot use the data plane: kernel 5.10.0, want 6.1 or later");
});
