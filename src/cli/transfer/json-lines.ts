// Rows as JSON lines, the format of `import` and `export`: docs/reference/json-lines.md.

import { z } from 'zod';
import { CadastreError } from '../../base/errors.js';
import { int64 } from '../../client/public.js';
import type { Bytes, PutCell, PutOperation, Timestamp } from '../../client/public.js';

const bytesSchema = z.union([
  z.string(),
  z.strictObject({ base64: z.base64() }),
  z.strictObject({ int64: z.union([z.int(), z.string().regex(/^-?\d{1,19}$/)]) }),
]);
const timestampSchema = z.union([z.int().min(0), z.string().regex(/^\d{1,20}$/)]);
const cellSchema = z.strictObject({
  family: bytesSchema,
  qualifier: bytesSchema,
  timestamp: timestampSchema.optional(),
  value: bytesSchema,
});
const lineSchema = z.union([
  z.strictObject({ row: bytesSchema, cells: z.array(cellSchema).min(1) }),
  z.strictObject({
    row: bytesSchema,
    timestamp: timestampSchema.optional(),
    values: z.record(z.string(), bytesSchema),
  }),
]);

type LineBytes = z.infer<typeof bytesSchema>;

/**
 * The put of one line. Cells without a timestamp get `timestamp`, so that a line put twice leaves one
 * version. Throws `bad-request` with the reason.
 */
export function parseLine(line: string, timestamp: Timestamp): PutOperation {
  const checked = lineSchema.safeParse(parseJson(line));
  if (!checked.success) throw new CadastreError('bad-request', reasonOf(checked.error));
  const { data } = checked;
  const row = bytesOf(data.row);
  if (row.length === 0) throw new CadastreError('bad-request', 'row: is empty');
  if ('cells' in data) {
    const cells = data.cells.map((cell): PutCell => ({
      family: bytesOf(cell.family),
      qualifier: bytesOf(cell.qualifier),
      timestamp: cell.timestamp ?? timestamp,
      value: bytesOf(cell.value),
    }));
    return { kind: 'put', row, values: cells };
  }
  const entries = Object.entries(data.values);
  if (entries.length === 0) throw new CadastreError('bad-request', 'values: is empty');
  const cells = entries.map(([column, value]): PutCell => {
    const colon = column.indexOf(':');
    if (colon < 1) {
      throw new CadastreError('bad-request', `values: "${column}" is not family:qualifier`);
    }
    const [family, qualifier] = [column.slice(0, colon), column.slice(colon + 1)];
    return { family, qualifier, timestamp: data.timestamp ?? timestamp, value: bytesOf(value) };
  });
  return { kind: 'put', row, values: cells };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CadastreError('bad-request', `not JSON: ${reason}`, { cause: error });
  }
}

function bytesOf(bytes: LineBytes): Bytes {
  if (typeof bytes === 'string') return bytes;
  if ('base64' in bytes) return Buffer.from(bytes.base64, 'base64');
  const number = bytes.int64;
  return int64(typeof number === 'string' ? BigInt(number) : number);
}

/** The first problem, with its place; of a union's the one of the shape that the line seems to have. */
function reasonOf(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'is not a row';
  if (issue.code === 'invalid_union' && issue.path.length === 0) {
    const branches = issue.errors.map((issues) => issues[0]);
    const deepest = branches.sort((a, b) => (b?.path.length ?? 0) - (a?.path.length ?? 0))[0];
    if (deepest !== undefined) return `${place(deepest.path)}${deepest.message}`;
  }
  return `${place(issue.path)}${issue.message}`;
}

function place(path: readonly PropertyKey[]): string {
  return path.length === 0 ? '' : `${path.map(String).join('.')}: `;
}
