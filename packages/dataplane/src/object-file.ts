import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { DataplaneError } from "./dataplane-error.ts";

/** Beside the file when bundled for shipping, else where `make -C bpf` puts it. */
const candidates: readonly string[] = ["heddle.bpf.o", "../../../bpf/build/heddle.bpf.o"];

/** The bytes of the eBPF object. @throws DataplaneError no-object */
export function readObjectFile(): Uint8Array {
  const paths = candidates.map((file) => path.resolve(import.meta.dirname, file));
  const found = paths.find((file) => existsSync(file));
  if (found !== undefined) return readFileSync(found);
  const message = `Cannot load the eBPF object: none of ${paths.join(", ")}, want one built`;
  throw new DataplaneError("no-object", message);
}
