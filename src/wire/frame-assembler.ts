// Cuts a byte stream into frames: a 32-bit big-endian length, then that many bytes.
//
// Invariants:
// 1. A frame that lies in one piece of the stream is handed on as a view of it; one that does not is
//    gathered in a buffer at most twice as large as what has arrived: an announced length costs nothing.
// 2. After the sink said stop, no frame is handed on until `resume`; what arrives meanwhile is kept.
// 3. A frame above the limit is never gathered: the sink gets its first bytes, and the stream ends.
// Source: section 1 of research/wire-trace.md.

export interface FrameSink {
  /** Takes a frame (without its length). Returns false to get no more until `resume`. */
  frame(bytes: Buffer): boolean;
  /** A frame of `length` bytes is above the limit; `head` is how it starts. Nothing follows. */
  oversize(length: number, head: Buffer): void;
}

export class FrameAssembler {
  /** May change between frames: the connection header has a limit of its own. */
  bytesMax: number;
  /** How much of a frame above the limit the sink wants to see; may change as well. */
  headBytes = 0;
  readonly #sink: FrameSink;
  /** Start of a frame that has not arrived whole: `#held` bytes of it, its length included. */
  #hold: Buffer = Buffer.alloc(0);
  #held = 0;
  #waiting: Buffer[] = [];
  #isStopped = false;
  #isOver = false;

  constructor(bytesMax: number, sink: FrameSink) {
    this.bytesMax = bytesMax;
    this.#sink = sink;
  }

  /** Memory taken by a frame that has not arrived whole. */
  get heldBytes(): number {
    return this.#hold.length;
  }

  push(chunk: Buffer): void {
    if (this.#isStopped) this.#waiting.push(chunk);
    else this.#read(chunk);
  }

  /** Hands on what waited, unless the sink stops it again. */
  resume(): void {
    this.#isStopped = false;
    while (!this.#isStopped) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) return;
      this.#read(chunk);
    }
  }

  /** Ends: nothing is handed on any more. */
  close(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#hold = Buffer.alloc(0);
    this.#held = 0;
  }

  #read(chunk: Buffer): void {
    if (this.#isOver) return;
    let at = this.#held > 0 ? this.#fill(chunk) : 0;
    while (!this.#isOver && at < chunk.length) {
      if (this.#isStopped) {
        this.#waiting.unshift(chunk.subarray(at));
        return;
      }
      const left = chunk.length - at;
      const length = left >= 4 ? chunk.readUInt32BE(at) : undefined;
      if (length !== undefined && length <= this.bytesMax && left >= 4 + length) {
        at += 4 + length;
        this.#emit(chunk.subarray(at - length, at));
      } else at += this.#fill(chunk.subarray(at));
    }
  }

  /** Adds to the held frame what `chunk` has of it, and hands it on if whole. Returns bytes used. */
  #fill(chunk: Buffer): number {
    let used = this.#take(chunk, 0, 4);
    if (this.#held < 4) return used;
    const length = this.#hold.readUInt32BE(0);
    const isOversize = length > this.bytesMax;
    const wanted = 4 + (isOversize ? Math.min(length, this.headBytes) : length);
    used += this.#take(chunk, used, wanted);
    if (isOversize) this.#endOversize(length, wanted);
    else if (this.#held === wanted) {
      const frame = this.#hold.subarray(4, wanted);
      this.#hold = Buffer.alloc(0);
      this.#held = 0;
      this.#emit(frame);
    }
    return used;
  }

  /** Copies from `chunk` until `wanted` bytes are held. Returns the bytes copied. */
  #take(chunk: Buffer, from: number, wanted: number): number {
    const count = Math.min(wanted - this.#held, chunk.length - from);
    if (count <= 0) return 0;
    const needed = this.#held + count;
    if (needed > this.#hold.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(wanted, needed * 2)));
      this.#hold.copy(grown, 0, 0, this.#held);
      this.#hold = grown;
    }
    chunk.copy(this.#hold, this.#held, from, from + count);
    this.#held = needed;
    return count;
  }

  /** Waits for the head, but not for ever: the sink is told with the part that came in this piece. */
  #endOversize(length: number, wanted: number): void {
    const head = this.#hold.subarray(4, this.#held);
    if (this.#held < wanted && !hasWholeMessage(head)) return;
    this.#isOver = true;
    this.#sink.oversize(length, head);
  }

  #emit(frame: Buffer): void {
    if (this.#isOver) return;
    if (!this.#sink.frame(frame)) this.#isStopped = true;
  }
}

/** Whether `bytes` start with a length-delimited message that is all there. */
function hasWholeMessage(bytes: Buffer): boolean {
  let length = 0;
  for (let i = 0; i < 5 && i < bytes.length; i++) {
    const byte = bytes[i] as number;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return bytes.length >= i + 1 + length;
  }
  return false;
}
