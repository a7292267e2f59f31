// Lines of a stream of bytes, with where each ends, so that reading can go on there later.

import { CadastreError } from '../../base/errors.js';

/** A row with all its cells; beyond this it is not one, but a file of another kind. */
const lineBytesMax = 64 * 2 ** 20;

export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** Offset in the file of what follows the line. */
  readonly end: number;
}

/** `from`: what was read before, if the stream starts behind it. Throws `bad-request` for a huge line. */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  from: { readonly offset: number; readonly lines: number },
): AsyncGenerator<Line[], void, void> {
  let number = from.lines;
  let offset = from.offset;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const lines: Line[] = [];
    let at = 0;
    // What was searched before has no end of a line.
    let newline = bytes.indexOf(0x0a, rest.length);
    while (newline >= 0) {
      number += 1;
      const text = bytes.toString('utf8', at, newline);
      at = newline + 1;
      lines.push({ text, number, end: offset + at });
      newline = bytes.indexOf(0x0a, at);
    }
    offset += at;
    rest = bytes.subarray(at);
    if (rest.length > lineBytesMax) {
      throw new CadastreError(
        'bad-request',
        `line ${number + 1} is longer than ${lineBytesMax} bytes`,
        {
          nextStep: 'Give a file of JSON lines, one row in each.',
        },
      );
    }
    if (lines.length > 0) yield lines;
  }
  if (rest.length === 0) return;
  yield [{ text: rest.toString('utf8'), number: number + 1, end: offset + rest.length }];
}
