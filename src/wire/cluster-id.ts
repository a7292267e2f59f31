// Asks a server for its cluster id by the registry preamble that clients from 2.6 on open with.

import { fromBinary } from '@bufbuild/protobuf';
import { CadastreError } from '../base/errors.js';
import type { Clock } from '../world/clock.js';
import type { Address, Network } from '../world/network.js';
import { fromException } from './exceptions.js';
import { FrameAssembler } from './frame-assembler.js';
import { GetConnectionRegistryResponseSchema } from './generated/hbase/registry_pb.js';
import { ResponseHeaderSchema } from './generated/hbase/rpc_pb.js';
import { registryPreamble } from './headers.js';
import { wireLimits } from './limits.js';
import { ProtoReader } from './proto-reader.js';

/**
 * The cluster's id; undefined from a server older than 2.6, which does not know the preamble. Fails
 * with `connection-lost`, `timed-out`, or what the server says.
 */
export async function fetchClusterId(
  world: { readonly network: Network; readonly clock: Clock },
  address: Address,
  timeoutMs: number,
): Promise<string | undefined> {
  const connection = await world.network.connect(address, timeoutMs);
  const place = `${address.host}:${address.port}`;
  const answer = new Promise<Buffer>((resolve, reject) => {
    const timer = world.clock.timer(timeoutMs, () =>
      reject(new CadastreError('timed-out', `${place} gave no cluster id in ${timeoutMs} ms`)),
    );
    const lose = (): void => {
      timer.cancel();
      reject(new CadastreError('connection-lost', `${place} closed without a cluster id`));
    };
    const frames = new FrameAssembler(wireLimits.connectionHeaderBytesMax, {
      frame: (bytes) => {
        timer.cancel();
        resolve(bytes);
        return false;
      },
      oversize: lose,
    });
    connection.onData((bytes) => frames.push(bytes));
    connection.onDrain(() => undefined);
    connection.onClose(lose);
    connection.write(registryPreamble);
  });
  try {
    return decodeAnswer(await answer);
  } finally {
    connection.destroy();
  }
}

function decodeAnswer(frame: Buffer): string | undefined {
  const reader = new ProtoReader(frame);
  const { exception } = fromBinary(ResponseHeaderSchema, reader.bytes());
  if (exception === undefined) {
    return fromBinary(GetConnectionRegistryResponseSchema, reader.bytes()).clusterId;
  }
  const { exceptionClassName, stackTrace, doNotRetry, cadastreError } = exception;
  // The protocol itself makes clients look at this text: it is how an old server is told.
  if (
    exceptionClassName === 'org.apache.hadoop.hbase.ipc.FatalConnectionException' &&
    stackTrace.includes('Expected HEADER=')
  ) {
    return undefined;
  }
  throw fromException({
    className: exceptionClassName,
    text: stackTrace,
    doNotRetry,
    detail: cadastreError,
  });
}
