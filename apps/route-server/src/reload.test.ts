import assert from "node:assert/strict";
import { test } from "node:test";
import { type Log, silentLog } from "@heddle/std";
import type { RouteServerConfig } from "./config/config.ts";
import { parseConfig as parseWith } from "./config/parse-config.ts";
import { Reload } from "./reload.ts";

function parseConfig(text: string): RouteServerConfig {
  return parseWith(text, (file) => assert.fail(`no ${file}`));
}

const config = parseConfig("name: rs\nasn: 1\nrouterId: 192.0.2.1\n");

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

test("one reading at a time, and one more for all that was asked meanwhile", async () => {
  const taken: PromiseWithResolvers<void>[] = [];
  const server = Promise.withResolvers<{
    reconfigure(config: RouteServerConfig): Promise<void>;
  }>();
  let readCount = 0;
  const read = (): RouteServerConfig => {
    readCount += 1;
    return config;
  };
  const reload = new Reload(server.promise, read, silentLog);
  reload.request();
  reload.request();
  await settled();
  assert.equal(readCount, 0, "nothing is read before the server has started");
  server.resolve({
    reconfigure: () => {
      const one = Promise.withResolvers<void>();
      taken.push(one);
      return one.promise;
    },
  });
  await settled();
  assert.deepEqual([readCount, taken.length], [1, 1]);
  for (let i = 0; i < 5; i += 1) reload.request();
  await settled();
  assert.equal(readCount, 1);
  taken[0]?.resolve();
  await settled();
  assert.equal(readCount, 2);
  taken[1]?.resolve();
  await settled();
  assert.equal(readCount, 2);
});

test("what is refused is a line in the log, and the next one is read", async () => {
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const log: Log = { ...silentLog, info: note, error: note };
  let isGood = false;
  const reconfigure = async (): Promise<void> => {
    if (!isGood) throw new Error("no");
  };
  const reload = new Reload(Promise.resolve({ reconfigure }), () => config, log);
  reload.request();
  await settled();
  isGood = true;
  reload.request();
  await settled();
  assert.deepEqual(lines, [
    "the configuration is refused; the one before it stays",
    "the configuration is in force",
  ]);
});
