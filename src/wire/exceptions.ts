// Our errors and HBase's exception classes: the one table, and the texts that clients parse.
//
// A client decides by the class name alone, and takes the whole stack trace for the message
// (research/wire-trace.md, section 4). Clients that know Cadastre get the error itself beside it.
// Both ways are lossy only for what HBase has no class for: those become DoNotRetryIOException.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { CadastreError, isErrorCode } from '../base/errors.js';
import type { CadastreErrorOptions, ErrorCode } from '../base/errors.js';
import type { ErrorDetail, ExceptionResponseSchema } from './generated/hbase/rpc_pb.js';
import { wireLimits } from './limits.js';

const hbase = 'org.apache.hadoop.hbase.';

interface ExceptionClass {
  readonly className: string;
  readonly doNotRetry: boolean;
  /** The client then waits longer before it tries again. */
  readonly overloaded?: true;
}

function retried(name: string): ExceptionClass {
  return { className: hbase + name, doNotRetry: false };
}
function final(name: string): ExceptionClass {
  return { className: hbase + name, doNotRetry: true };
}
const plainIoException: ExceptionClass = { className: 'java.io.IOException', doNotRetry: false };

/** The class of each of our codes. Several codes may share one. */
const classes: Readonly<Record<ErrorCode, ExceptionClass>> = {
  'bad-request': final('DoNotRetryIOException'),
  'table-not-found': final('TableNotFoundException'),
  'table-exists': final('TableExistsException'),
  'table-not-disabled': final('TableNotDisabledException'),
  'table-not-enabled': final('TableNotEnabledException'),
  'family-not-found': final('regionserver.NoSuchColumnFamilyException'),
  'invalid-family': final('InvalidFamilyOperationException'),
  'namespace-not-found': final('NamespaceNotFoundException'),
  'namespace-exists': final('NamespaceExistException'),
  'constraint-violated': final('constraint.ConstraintException'),
  'row-outside-region': final('exceptions.FailedSanityCheckException'),
  'cell-too-large': final('DoNotRetryIOException'),
  'request-too-big': final('exceptions.RequestTooBigException'),
  'unknown-method': final('DoNotRetryIOException'),
  'not-supported': final('DoNotRetryIOException'),
  'unknown-setting': final('DoNotRetryIOException'),
  'nonce-reused': final('DoNotRetryIOException'),
  'access-denied': final('security.AccessDeniedException'),
  refused: final('DoNotRetryIOException'),
  'procedure-not-found': final('DoNotRetryIOException'),
  'concurrent-table-change': final('ConcurrentTableModificationException'),
  'unknown-scanner': final('UnknownScannerException'),
  'out-of-order-scanner': final('exceptions.OutOfOrderScannerNextException'),
  'scanner-reset': final('exceptions.ScannerResetException'),
  'region-not-serving': retried('NotServingRegionException'),
  'region-moved': retried('exceptions.RegionMovedException'),
  'region-opening': retried('exceptions.RegionOpeningException'),
  'wrong-region': retried('regionserver.WrongRegionException'),
  'server-stopped': retried('regionserver.RegionServerStoppedException'),
  'region-too-busy': { ...retried('RegionTooBusyException'), overloaded: true },
  'call-queue-too-big': { ...retried('CallQueueTooBigException'), overloaded: true },
  'server-not-running': retried('ipc.ServerNotRunningYetException'),
  'please-hold': retried('PleaseHoldException'),
  'connection-lost': plainIoException,
  'timed-out': retried('ipc.CallTimeoutException'),
  'storage-unavailable': plainIoException,
  'disk-full': { ...retried('RegionTooBusyException'), overloaded: true },
  'object-exists': plainIoException,
  'object-missing': plainIoException,
  corruption: final('DoNotRetryIOException'),
  'root-in-use': final('DoNotRetryIOException'),
  'root-unusable': final('DoNotRetryIOException'),
  'root-format-newer': final('DoNotRetryIOException'),
  'port-taken': final('DoNotRetryIOException'),
  sealed: retried('regionserver.RegionServerAbortedException'),
  'stale-epoch': retried('NotServingRegionException'),
  'stale-incarnation': retried('NotServingRegionException'),
  'stale-generation': retried('NotServingRegionException'),
  'procedure-failed': final('DoNotRetryIOException'),
  'procedure-cancelled': final('DoNotRetryIOException'),
  stopped: retried('regionserver.RegionServerStoppedException'),
  internal: plainIoException,
};

/** What a class means to us; the first code of the table wins where several share a class. */
const codes: ReadonlyMap<string, ErrorCode> = new Map([
  ...Object.entries(classes)
    .reverse()
    .map(([code, { className }]) => [className, code as ErrorCode] as const),
  // Classes that only HBase's servers send.
  [`${hbase}regionserver.RegionServerAbortedException`, 'server-stopped'],
  [`${hbase}CallDroppedException`, 'call-queue-too-big'],
  [`${hbase}MultiActionResultTooLarge`, 'region-too-busy'],
  [`${hbase}RetryImmediatelyException`, 'region-too-busy'],
  [`${hbase}quotas.RpcThrottlingException`, 'region-too-busy'],
  [`${hbase}regionserver.LeaseException`, 'unknown-scanner'],
  [`${hbase}NotAllMetaRegionsOnlineException`, 'please-hold'],
  [`${hbase}client.RegionOfflineException`, 'region-not-serving'],
  [`${hbase}exceptions.MergeRegionException`, 'constraint-violated'],
  [`${hbase}ipc.StoppedRpcClientException`, 'connection-lost'],
  [`${hbase}exceptions.UnknownProtocolException`, 'not-supported'],
  [`${hbase}UnknownProtocolException`, 'not-supported'],
  ['java.io.IOException', 'internal'],
]);

/** A client's version; HBase sends other classes to old ones. */
export interface ClientVersion {
  readonly major: number;
  readonly minor: number;
}

/** The class that tells this error to HBase's clients. */
export function exceptionClassName(error: CadastreError): string {
  return classes[codeForClients(error)].className;
}

/** A move without a destination is a region that is just not here. */
function codeForClients({ code, details }: CadastreError): ErrorCode {
  const isVague = code === 'region-moved' && details['host'] === undefined;
  return isVague ? 'region-not-serving' : code;
}

/** What clients take for the message: the class, and our sentence with the next step. */
export function exceptionText(error: CadastreError): string {
  const location = codeForClients(error) === 'region-moved' ? `${movedText(error)} ` : '';
  return bounded(`${exceptionClassName(error)}: ${location}${sentence(error)}`);
}

function bounded(text: string): string {
  const limit = wireLimits.exceptionTextMax;
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

function sentence(error: CadastreError): string {
  return error.nextStep === undefined ? error.message : `${error.message} ${error.nextStep}`;
}

/**
 * Where a region went, in the words that clients parse. Details: `host`, `port`, `startCode`,
 * `sequence` (the open sequence the new location is at least as new as).
 */
function movedText({ details }: CadastreError): string {
  const { host, port, startCode, sequence } = details;
  const place = `hostname=${host} port=${port} startCode=${startCode}`;
  return `Region moved to: ${place}. As of locationSeqNum=${sequence}.`;
}

/** The exception part of a response header. */
export function toExceptionResponse(
  error: CadastreError,
  version?: ClientVersion,
): MessageInitShape<typeof ExceptionResponseSchema> {
  const code = codeForClients(error);
  const { className, doNotRetry, overloaded } = classForClient(code, version);
  const { host, port } = error.details;
  return {
    exceptionClassName: className,
    stackTrace: exceptionText(error),
    doNotRetry,
    ...(overloaded === undefined ? {} : { serverOverloaded: overloaded }),
    ...(code === 'region-moved' ? { hostname: String(host), port: Number(port) } : {}),
    cadastreError: {
      code: error.code,
      message: bounded(error.message),
      ...(error.nextStep === undefined ? {} : { nextStep: error.nextStep }),
      ...splitDetails(error.details),
    },
  };
}

/** Clients that say nothing of their version, or an old one, do not know some classes. */
function classForClient(code: ErrorCode, version: ClientVersion | undefined): ExceptionClass {
  const at = version === undefined ? 0 : version.major * 1000 + version.minor;
  if (code === 'request-too-big' && at < 1003) return classes['bad-request'];
  if (code === 'scanner-reset' && at < 1004) return classes['unknown-scanner'];
  return classes[code];
}

function splitDetails(details: CadastreError['details']) {
  const textDetails: Record<string, string> = {};
  const numberDetails: Record<string, number> = {};
  for (const [key, value] of Object.entries(details)) {
    if (typeof value === 'number') numberDetails[key] = value;
    else textDetails[key] = value;
  }
  return { textDetails, numberDetails };
}

/** An exception as any server of the protocol tells it. */
export interface ReceivedException {
  readonly className: string;
  readonly text: string;
  readonly doNotRetry: boolean;
  readonly detail?: ErrorDetail | undefined;
}

/** The error that an exception tells. */
export function fromException(exception: ReceivedException): CadastreError {
  const { className, text, doNotRetry, detail } = exception;
  if (detail !== undefined && isErrorCode(detail.code)) {
    const details = { ...detail.textDetails, ...detail.numberDetails };
    return new CadastreError(detail.code, detail.message, {
      details,
      ...(detail.nextStep === '' ? {} : { nextStep: detail.nextStep }),
    });
  }
  const known = codes.get(className);
  const code = known ?? (doNotRetry ? 'bad-request' : 'internal');
  // A server's stack trace follows the first line of its text.
  const line = (text.split('\n', 1)[0] ?? '').trim();
  const message = line.startsWith(`${className}: `) ? line.slice(className.length + 2) : line;
  return new CadastreError(code, message === '' ? className : message, {
    ...movedOptions(code, text),
  });
}

const movedPattern =
  /hostname=(?<host>\S+) port=(?<port>\d+) startCode=(?<startCode>\d+)\. As of locationSeqNum=(?<sequence>-?\d+)\./;

/** HBase tells a region's new place in the text only. */
function movedOptions(code: ErrorCode, text: string): CadastreErrorOptions {
  const groups = code === 'region-moved' ? movedPattern.exec(text)?.groups : undefined;
  if (groups === undefined) return {};
  const { host = '', port, startCode, sequence } = groups;
  const numbers = {
    port: Number(port),
    startCode: Number(startCode),
    sequence: Number(sequence),
  };
  return { details: { host, ...numbers } };
}
