/** What a route may do beside returning a value that is sent as JSON. */

/** A request that the route refuses: its status with this message. */
export class AdminRequestError extends Error {
  override readonly name = "AdminRequestError";
  readonly status: 400 | 404 | 409;

  /** 400: the request is wrong; 404: what it names is not there; 409: not in the present state. */
  constructor(message: string, status: 400 | 404 | 409 = 400, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** An answer that comes piece by piece, at the pace of the client. */
export class AdminStream {
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;

  constructor(contentType: string, chunks: AsyncIterable<Uint8Array>) {
    this.contentType = contentType;
    this.chunks = chunks;
  }
}
