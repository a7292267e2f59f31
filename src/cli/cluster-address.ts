// Where the cluster is: `--connect`, else CADASTRE_CONNECT, else the one running on ./cadastre-data.

import { existsSync } from 'node:fs';
import { parseElectionEntry, electionRegister } from '../storage/election-entry.js';
import { ObjectRegister } from '../storage/object-register.js';
import type { Address } from '../world/network.js';
import { realWorld } from '../world/real/world.js';
import { UsageError } from './errors.js';

const usualRoot = './cadastre-data';

export async function clusterAddresses(connect: string | undefined): Promise<Address[]> {
  const fromEnvironment = process.env['CADASTRE_CONNECT'];
  if (connect !== undefined) return parseAddresses(connect, '--connect');
  if (fromEnvironment !== undefined && fromEnvironment !== '') {
    return parseAddresses(fromEnvironment, 'CADASTRE_CONNECT');
  }
  const address = await masterOf(usualRoot);
  if (address !== undefined) return [address];
  throw new UsageError(
    `no cluster is named, and ${usualRoot} has none`,
    'Give --connect host:port, set CADASTRE_CONNECT, or run "cadastre start" here.',
  );
}

/** `host:port[,host:port…]`. Throws `bad-request` naming the part that is none. */
export function parseAddresses(text: string, where: string): Address[] {
  return text.split(',').map((part) => {
    const match = /^\s*\[?(?<host>[^\s\]]+?)\]?:(?<port>\d{1,5})\s*$/.exec(part)?.groups;
    const port = Number(match?.['port'] ?? 0);
    if (match?.['host'] !== undefined && port >= 1 && port <= 65_535) {
      return { host: match['host'], port };
    }
    throw new UsageError(
      `${where} "${part}" is not host:port`,
      'Write it as 127.0.0.1:16000, several separated by commas.',
    );
  });
}

/** The master's address in a root's election; undefined if it is no root or never had a master. */
async function masterOf(root: string): Promise<Address | undefined> {
  if (!existsSync(root)) return undefined;
  const { clock, random, root: storage } = realWorld({ directory: root });
  const { objects } = storage;
  const entry = await new ObjectRegister(electionRegister, { objects, clock, random }).read();
  return entry && parseElectionEntry(entry).addresses['rpc'];
}
