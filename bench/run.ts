/** `make bench B=NAME`: runs `bench/NAME.ts`, or lists what there is. */
import { globSync } from "node:fs";
import path from "node:path";

const names = globSync("*.ts", { cwd: import.meta.dirname })
  .map((file) => path.basename(file, ".ts"))
  .filter((name) => name !== "run")
  .sort();
const name = process.argv[2];
if (name === undefined || !names.includes(name)) {
  console.error(`usage: make bench B=${names.join("|")}`);
  process.exitCode = 2;
} else {
  await import(`./${name}.ts`);
}
