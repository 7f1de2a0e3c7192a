/**
 * Program for tests: connects to HOST PORT once per line of stdin, sends the bytes that the line
 * says in hex, and prints one line per connection: what came back, in hex, and how it ended.
 */
import { connect } from "node:net";
import { text } from "node:stream/consumers";

/** Of a connection that the other side leaves open. */
const patienceMs = 500;

function exchange(host: string, port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, host, () => socket.write(bytes));
    const end = (how: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(`${how} ${Buffer.concat(chunks).toString("hex")}`);
    };
    const timer = setTimeout(() => end("open"), patienceMs);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => end("closed"));
    socket.on("error", (error: NodeJS.ErrnoException) => end(String(error.code)));
  });
}

const [host, port] = process.argv.slice(2);
for (const line of (await text(process.stdin)).trim().split("\n")) {
  const answer = await exchange(String(host), Number(port), Buffer.from(line, "hex"));
  process.stdout.write(`${answer}\n`);
}
