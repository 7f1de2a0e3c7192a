/** Files that survive a crash of the machine, on whatever file system POSIX describes. */
import { constants } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import path from "node:path";

const { O_WRONLY, O_CREAT, O_TRUNC, O_DSYNC } = constants;
/** Durable by the write alone: a call of fdatasync would be one more way through a thread. */
const writeFlags = O_WRONLY | O_CREAT | O_TRUNC | O_DSYNC;

/**
 * Puts a file with `text` in the place of the one at `file`, if any, for its owner only. A reader,
 * and a machine that crashes, has the old one or the new one as a whole; when this resolves, the
 * new one. What is appended to the result, which the caller owns, is on disk when its write
 * resolves.
 * @throws the system's error; then the old file is there, and `file`.new is not
 */
export async function replaceFile(file: string, text: string): Promise<FileHandle> {
  const handle = await open(`${file}.new`, writeFlags, 0o600);
  try {
    await handle.writeFile(text);
    // Beyond O_DSYNC: mode and owner.
    await handle.sync();
    await rename(`${file}.new`, file);
    await syncDirectory(path.dirname(file));
  } catch (error) {
    await handle.close();
    await rm(`${file}.new`, { force: true });
    throw error;
  }
  return handle;
}

/** A rename is durable when its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}
