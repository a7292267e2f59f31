// The errors of a Network: pure, and shared with the simulated one.

import { CadastreError } from '../../base/errors.js';
import type { Address } from '../network.js';

export function portTaken(address: Address, cause?: unknown): CadastreError {
  return new CadastreError('port-taken', `port ${formatAddress(address)} is in use`, {
    nextStep: 'Stop the program that listens there, or give another port; 0 takes a free one.',
    details: { port: address.port },
    cause,
  });
}

/** Why an address cannot be listened on. */
export function listenError(address: Address, error: NodeJS.ErrnoException): CadastreError {
  if (error.code === 'EADDRINUSE') return portTaken(address, error);
  return new CadastreError(
    'bad-request',
    `cannot listen on ${address.host}:${address.port}: ${error.message}`,
    { nextStep: 'Give an address of this machine, and a port this user may use.', cause: error },
  );
}

export function connectionLost(address: Address, why: string, cause?: unknown): CadastreError {
  return new CadastreError('connection-lost', `connection to ${formatAddress(address)}: ${why}`, {
    cause,
  });
}

export function connectTimedOut(address: Address, timeoutMs: number): CadastreError {
  return new CadastreError(
    'timed-out',
    `no connection to ${formatAddress(address)} within ${timeoutMs} ms`,
  );
}

function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
