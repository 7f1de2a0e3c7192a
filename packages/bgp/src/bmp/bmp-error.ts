/** What is no BMP message. Message: `Cannot decode BMP message: <current>, want <limit>`. */
export class BmpError extends Error {
  override readonly name = "BmpError";

  constructor(why: string, options?: ErrorOptions) {
    super(`Cannot decode BMP message: ${why}`, options);
  }
}
