// Byte streams between processes, as the world gives them (L8).

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** One end of a byte stream. Handlers are set once, before the first byte can arrive. */
export interface Connection {
  readonly remote: Address;
  /** Queues bytes to send; the caller does not change them afterwards. */
  write(bytes: Uint8Array): void;
  /** Bytes queued and not yet handed to the network: back-pressure is by this. */
  readonly queuedBytes: number;
  onData(handler: (bytes: Buffer) => void): void;
  /** Called once, when the stream is over, with the reason if it was not an orderly end. */
  onClose(handler: (error: Error | undefined) => void): void;
  /** Called when `queuedBytes` has fallen to zero after a write. */
  onDrain(handler: () => void): void;
  /** Stops and restarts reading. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

export interface Listener {
  readonly address: Address;
  /** Stops accepting; open connections go on. */
  close(): Promise<void>;
}

export interface Network {
  /** Port 0: a free one. Fails with `port-taken`. */
  listen(address: Address, accept: (connection: Connection) => void): Promise<Listener>;
  /** Fails with `connection-lost` or, after `timeoutMs`, `timed-out`. */
  connect(address: Address, timeoutMs: number): Promise<Connection>;
}
