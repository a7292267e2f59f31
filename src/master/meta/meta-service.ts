// ClientService as the master serves it: for hbase:meta, read-only. Regions of other tables are on
// the region servers.

import { unreachable } from '../../base/assert.js';
import type { Cell } from '../../base/cell.js';
import { CadastreError, asCadastreError } from '../../base/errors.js';
import type { Get } from '../../base/operations.js';
import type {
  Action,
  ActionOutcome,
  CellResult,
  RegionSpecifier,
} from '../../wire/client-messages.js';
import { metaRegionName } from '../../wire/meta-rows.js';
import {
  decodeGetRequest,
  decodeMultiRequest,
  decodeMutateRequest,
  decodeScanRequest,
} from '../../wire/request-decoder.js';
import { replyGet, replyMulti, replyScan } from '../../wire/response-encoder.js';
import type { RpcCall, RpcMethod, RpcService } from '../../wire/rpc-call.js';
import type { MetaImage } from './meta-image.js';
import type { MetaScanners } from './meta-scanners.js';
import { refuseFilter, selectCells } from './meta-scanners.js';

/** hbase:meta's encoded name: the hash of its full name, as HBase has it. */
const metaEncodedName = Buffer.from('1588230740');

export interface MetaServiceParts {
  readonly image: MetaImage;
  readonly scanners: MetaScanners;
  /** The catalog's durable revision: meta's read point. */
  readonly revision: number;
}

type MetaMethod = (parts: MetaServiceParts, call: RpcCall) => void;

/** `ready` gives the parts; it throws `please-hold` while the master is starting. */
export function metaService(ready: () => MetaServiceParts): RpcService {
  const methods = Object.entries(metaMethods).map(([name, method]): [string, RpcMethod] => [
    name,
    (call) => method(ready(), call),
  ]);
  return { name: 'ClientService', methods: new Map(methods) };
}

const metaMethods: Readonly<Record<string, MetaMethod>> = {
  Get: ({ image }, call) => {
    const { region, get } = decodeGetRequest(call.parameter);
    checkMeta(region);
    replyGet(call, readRow(image, get));
  },
  Scan: ({ scanners, revision }, call) => {
    const request = decodeScanRequest(call.parameter);
    if (request.open !== undefined) checkMeta(request.open.region);
    replyScan(call, scanners.answer(request, revision));
  },
  Multi: ({ image }, call) => {
    const { regions } = decodeMultiRequest(call.parameter, call.cellBlock);
    replyMulti(call, {
      regions: regions.map(({ region, actions }) => {
        checkMeta(region);
        return { kind: 'outcomes', outcomes: actions.map((action) => act(image, action)) };
      }),
    });
  },
  Mutate: (_parts, call) => {
    checkMeta(decodeMutateRequest(call.parameter, call.cellBlock).region);
    throw readOnly();
  },
  ExecService: () => {
    throw new CadastreError('not-supported', 'coprocessor services are not supported');
  },
};

function act(image: MetaImage, action: Action): ActionOutcome {
  const { index } = action;
  try {
    switch (action.kind) {
      case 'get':
        return { kind: 'done', index, result: readRow(image, action.get) };
      case 'mutation':
        return { kind: 'error', index, error: readOnly() };
      case 'refused':
        return { kind: 'error', index, error: action.error };
      default:
        return unreachable(action);
    }
  } catch (error) {
    return { kind: 'error', index, error: asCadastreError(error) };
  }
}

const noCells: readonly Cell[] = [];

function readRow(image: MetaImage, get: Get): CellResult {
  refuseFilter(get);
  const cells = selectCells(image.get(get.row)?.cells ?? noCells, get);
  return get.existenceOnly ? { cells: noCells, exists: cells.length > 0 } : { cells };
}

function checkMeta({ kind, value }: RegionSpecifier): void {
  if (value.equals(kind === 'name' ? metaRegionName : metaEncodedName)) return;
  const text = value.toString('latin1');
  throw new CadastreError('region-not-serving', `${text} is not online on the master`, {
    nextStep: 'Look the region up in hbase:meta.',
  });
}

function readOnly(): CadastreError {
  return new CadastreError(
    'not-supported',
    'hbase:meta shows what the master knows: it is read-only',
    {
      nextStep: "Use the admin's calls, which change it.",
    },
  );
}
