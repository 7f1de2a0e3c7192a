/**
 * Text that does not denote a value of the wanted type. Message: `Cannot parse <type> "<text>":
 * <why>`.
 */
export class ParseError extends SyntaxError {
  override readonly name = "ParseError";
  readonly type: string;
  readonly text: string;

  constructor(type: string, text: string, why: string) {
    const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
    super(`Cannot parse ${type} ${JSON.stringify(shown)}: ${why}`);
    this.type = type;
    this.text = text;
  }
}
