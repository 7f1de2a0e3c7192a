import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { realClock } from "../testing/test-cluster.ts";
import { BgpCertificates } from "./bgp-certificates.ts";

const folder = mkdtempSync(path.join(tmpdir(), "heddle-bgp-tls-"));
after(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => path.join(folder, name);
const files = { certificate: at("tls.crt"), key: at("tls.key"), authorities: at("ca.crt") };

/** A certificate that signs itself, in `NAME.crt` and `NAME.key`. */
function issue(name: string): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const out = ["-keyout", at(`${name}.key`), "-out", at(`${name}.crt`), "-subj", `/CN=${name}`];
  execFileSync("openssl", ["req", "-x509", "-days", "1", ...key, ...out], { stdio: "ignore" });
}

issue("one");
issue("two");

function install(certificate: string, key: string): void {
  copyFileSync(at(`${certificate}.crt`), files.certificate);
  copyFileSync(at(`${key}.key`), files.key);
}

function certificates(changed: () => void): BgpCertificates {
  return new BgpCertificates({ files, clock: realClock, changed, readEveryMs: 5 });
}

test("without files there is no certificate, and the reason names the option", async () => {
  using none = new BgpCertificates({ files: undefined, clock: realClock, changed: assert.fail });
  const problem = "the agent was given no certificate for BGP, want --bgp-tls-dir";
  assert.deepEqual(await none.load(), { tlsProblem: problem });
});

test("files that are missing are a problem, until they are there", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  using certified = certificates(resolve);
  const first = await certified.load();
  assert.equal(first.tls, undefined);
  assert.match(first.tlsProblem ?? "", /^Cannot use .*tls\.crt for BGP: ENOENT/);
  copyFileSync(at("one.crt"), files.authorities);
  install("one", "one");
  await promise;
  const { tls, tlsProblem } = await certified.load();
  assert.deepEqual(
    [tls?.certificate, tlsProblem],
    [readFileSync(at("one.crt"), "utf8"), undefined],
  );
});

test("renewed files are taken up; a pair that does not fit leaves the one before", async () => {
  copyFileSync(at("one.crt"), files.authorities);
  install("one", "one");
  let changed = Promise.withResolvers<void>();
  using certified = certificates(() => changed.resolve());
  const one = (await certified.load()).tls;
  const next = async (): Promise<void> => {
    await changed.promise;
    changed = Promise.withResolvers();
  };
  install("two", "one");
  await next();
  const torn = await certified.load();
  assert.deepEqual(torn.tls, one);
  assert.match(torn.tlsProblem ?? "", /key values mismatch/);
  writeFileSync(files.certificate, "no certificate");
  await next();
  assert.deepEqual((await certified.load()).tls, one);
  install("two", "two");
  await next();
  const { tls, tlsProblem } = await certified.load();
  assert.deepEqual([tls?.key, tlsProblem], [readFileSync(at("two.key"), "utf8"), undefined]);
});
