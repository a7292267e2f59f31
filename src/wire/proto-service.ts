// Services whose messages are generated code: a typed table of handlers on one side, typed calls on
// the other. For everything but the hot messages of ClientService.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type {
  DescMessage,
  DescMethod,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { CadastreError } from '../base/errors.js';
import type { Address } from '../world/network.js';
import type { ByteWriter } from './byte-writer.js';
import type { RpcClient } from './rpc-client.js';
import type { RpcCall, RpcMethod, RpcService } from './rpc-call.js';

type Input<M extends DescMethod> = MessageShape<M['input']>;
type Output<M extends DescMethod> = MessageInitShape<M['output']>;

/** Handlers by method; one that is missing is refused with `not-supported`. */
export type ProtoHandlers<S extends DescService> = {
  readonly [Name in keyof S['method']]?: (
    request: Input<S['method'][Name]>,
    call: RpcCall,
  ) => Output<S['method'][Name]> | Promise<Output<S['method'][Name]>>;
};

/** A service to serve, named as its descriptor. */
export function protoService<S extends DescService>(
  descriptor: S,
  handlers: ProtoHandlers<S>,
): RpcService {
  const table = handlers as Readonly<Record<string, UntypedHandler | undefined>>;
  const methods = new Map<string, RpcMethod>(
    descriptor.methods.map((method) => [method.name, rpcMethod(method, table[method.localName])]),
  );
  return { name: descriptor.name, methods };
}

type UntypedHandler = (request: unknown, call: RpcCall) => unknown;

function rpcMethod(method: DescMethod, handler: UntypedHandler | undefined): RpcMethod {
  if (handler === undefined) {
    const text = `${method.parent.name}.${method.name} is not supported`;
    return (call) => call.fail(new CadastreError('not-supported', text));
  }
  return (call) => {
    const outcome = handler(decodeMessage(method.input, call.parameter), call);
    if (!(outcome instanceof Promise)) replyWith(method, call, outcome);
    else {
      outcome.then(
        (response: unknown) => replyOrFail(method, call, response),
        (error: unknown) => call.fail(error),
      );
    }
  };
}

function replyOrFail(method: DescMethod, call: RpcCall, response: unknown): void {
  try {
    replyWith(method, call, response);
  } catch (error) {
    call.fail(error);
  }
}

function replyWith(method: DescMethod, call: RpcCall, response: unknown): void {
  // The handler's type says that this is the method's output.
  const init = response as MessageInitShape<DescMessage>;
  call.reply(writeBytes, toBinary(method.output, create(method.output, init)));
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writer.bytes(bytes);
}

/** Decodes a message; what is malformed throws `bad-request`. Its bytes are views. */
export function decodeMessage<D extends DescMessage>(
  descriptor: D,
  bytes: Uint8Array,
): MessageShape<D> {
  try {
    return fromBinary(descriptor, bytes);
  } catch (cause) {
    throw new CadastreError('bad-request', `malformed ${descriptor.typeName}`, { cause });
  }
}

/** Calls a method of a service. Fails with what the server says, or as `RpcClient.call`. */
export async function callProto<M extends DescMethod>(
  client: RpcClient,
  address: Address,
  method: M,
  request: MessageInitShape<M['input']>,
  options: { readonly timeoutMs: number; readonly priority?: number },
): Promise<MessageShape<M['output']>> {
  const input: DescMessage = method.input;
  const reply = await client.call(address, method.parent.name, {
    ...options,
    method: method.name,
    encode: writeBytes,
    value: toBinary(input, create(input, request as MessageInitShape<DescMessage>)),
  });
  return decodeMessage<M['output']>(method.output, reply.message);
}
