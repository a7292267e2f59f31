// Bytes of generated code, which knows only Uint8Array, as the Buffers that everything else uses.

/** A view: no copy. */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
