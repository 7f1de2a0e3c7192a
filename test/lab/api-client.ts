/** Requests to the API server that no well-behaved client sends. */
import { readFileSync } from "node:fs";
import https from "node:https";
import { connect as tcpConnect } from "node:net";
import path from "node:path";
import { connect as tlsConnect } from "node:tls";
import type { LabFixture } from "./lab-fixture.ts";

export interface ApiRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** File name of the client certificate in the lab's PKI; none when absent. */
  readonly user?: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
  /** `reason: message` of a Status, as refusals are. */
  readonly refusal: string;
}

const answerLimitMs = 10_000;

export class ApiClient {
  readonly #pki: string;
  readonly #port: number;

  constructor(fixture: LabFixture) {
    this.#pki = path.join(fixture.stateDir, "cluster/pki");
    this.#port = fixture.adminPort;
  }

  async send({ method = "GET", path, headers = {}, body, user }: ApiRequest): Promise<ApiAnswer> {
    const credentials =
      user === undefined ? {} : { cert: this.#read(`${user}.crt`), key: this.#read(`${user}.key`) };
    const options = { method, path, headers, port: this.#port, agent: false, ...credentials };
    return await new Promise((resolve, reject) => {
      const request = https.request(
        { ...options, host: "127.0.0.1", ca: this.#read("ca.crt"), timeout: answerLimitMs },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, body: text, refusal: refusalIn(text) });
          });
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  }

  /** What comes back for raw bytes, over plain TCP or inside TLS, until the server closes. */
  async sendBytes(bytes: Buffer, transport: "tcp" | "tls"): Promise<string> {
    const at = { host: "127.0.0.1", port: this.#port };
    return await new Promise((resolve, reject) => {
      const socket =
        transport === "tcp" ? tcpConnect(at) : tlsConnect({ ...at, ca: this.#read("ca.crt") });
      const chunks: Buffer[] = [];
      const end = (): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(Buffer.concat(chunks).toString("latin1"));
      };
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new Error(`the server left a connection open for ${answerLimitMs} ms`));
      }, answerLimitMs);
      socket.once(transport === "tcp" ? "connect" : "secureConnect", () => socket.write(bytes));
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.on("close", end);
      socket.on("error", end);
    });
  }

  #read(file: string): string {
    return readFileSync(path.join(this.#pki, file), "utf8");
  }
}

function refusalIn(text: string): string {
  if (!text.startsWith("{")) return "";
  const { kind, reason, message } = JSON.parse(text) as Record<string, unknown>;
  return kind === "Status" ? `${reason}: ${message}` : "";
}
