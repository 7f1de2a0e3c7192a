/** The matrix of features and daemons: as text for the terminal, as Markdown for README.md. */
import { type DaemonName, daemonNames } from "./daemon.ts";
import type { Observation } from "./observations.ts";

export type Outcome = "pass" | "fail" | "unsupported";

export interface Cell {
  readonly outcome: Outcome;
  /** Why a test failed, or is not made. */
  readonly reason?: string;
}

export type Row = Readonly<Partial<Record<DaemonName, Cell>>>;

export interface Matrix {
  readonly rows: ReadonlyMap<string, Row>;
  readonly observations: readonly Observation[];
}

const titles: Readonly<Record<DaemonName, string>> = {
  frr: "FRR",
  bird: "BIRD",
  gobgp: "GoBGP",
  exabgp: "ExaBGP",
  heddle: "Heddle",
};

const signs: Readonly<Record<Outcome, string>> = { pass: "pass", fail: "FAIL", unsupported: "–" };

const featureNames = ({ rows }: Matrix): string[] => [...rows.keys()].sort();

function cellsOf(row: Row | undefined): string[] {
  return daemonNames.map((daemon) => {
    const cell = row?.[daemon];
    return cell === undefined ? "" : signs[cell.outcome];
  });
}

/** For the terminal, in columns. */
export function formatMatrix(matrix: Matrix): string {
  const heads = daemonNames.map((daemon) => titles[daemon]);
  const lines = [["feature", ...heads]];
  for (const name of featureNames(matrix)) lines.push([name, ...cellsOf(matrix.rows.get(name))]);
  for (const [what, reactions] of reactionsOf(matrix)) {
    lines.push([what, ...daemonNames.map((daemon) => reactions.get(daemon) ?? "")]);
  }
  const width = Math.max(...lines.map(([first]) => (first as string).length)) + 2;
  return lines
    .map(
      ([first, ...cells]) =>
        `${first?.padEnd(width)}${cells.map((cell) => cell.padEnd(11)).join("")}`,
    )
    .map((line) => line.trimEnd())
    .join("\n");
}

function reactionsOf({ observations }: Matrix): Map<string, Map<DaemonName, string>> {
  const found = new Map<string, Map<DaemonName, string>>();
  for (const { what, daemon, reaction } of observations) {
    found.set(what, (found.get(what) ?? new Map<DaemonName, string>()).set(daemon, reaction));
  }
  return found;
}

/** Lines of Markdown: the features, why some are not tested, and what was observed. */
export function markdownOf(matrix: Matrix): string[] {
  const heads = daemonNames.map((daemon) => titles[daemon]);
  const ruler = ["---", ...daemonNames.map(() => "---")];
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const names = featureNames(matrix);
  const observed = [...reactionsOf(matrix)].map(([what, reactions]) =>
    row([what, ...daemonNames.map((daemon) => reactions.get(daemon) ?? "–")]),
  );
  return [
    row(["Feature", ...heads]),
    row(ruler),
    ...names.map((name) => row([name, ...cellsOf(matrix.rows.get(name))])),
    "",
    "Where nothing is tested, and why:",
    "",
    ...names.flatMap((name) => reasonsOf(name, matrix.rows.get(name) ?? {})),
    "",
    "What each does with a broken UPDATE (RFC 7606), and what the standard wants:",
    "",
    row(["UPDATE with", ...heads]),
    row(ruler),
    ...observed,
  ];
}

function reasonsOf(name: string, row: Row): string[] {
  const reasons = daemonNames.flatMap((daemon) => {
    const cell = row[daemon];
    return cell?.outcome === "unsupported" ? [`${titles[daemon]}: ${cell.reason}`] : [];
  });
  return reasons.length === 0 ? [] : [`- ${name}: ${reasons.join("; ")}`];
}

const [begin, end] = ["<!-- matrix -->", "<!-- end of the matrix -->"];

/** The lines between the marks of a document. @throws Error without them */
export function matrixIn(document: string): string[] {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`Cannot find the matrix: no ${begin} and ${end}`);
  return document
    .slice(from + begin.length, to)
    .trim()
    .split("\n");
}

/** The document with other lines between its marks. */
export function withMatrix(document: string, lines: readonly string[]): string {
  const from = document.indexOf(begin) + begin.length;
  return `${document.slice(0, from)}\n${lines.join("\n")}\n${document.slice(document.indexOf(end))}`;
}
