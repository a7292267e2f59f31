// `npm run demo`: a throw-away cluster, real data, three questions, `kill -9`, and a proof.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../src/client/node.js';
import type { Client, Table } from '../../src/client/node.js';
import { browserData, featureRows, statementsMax } from './browser-data.js';
import type { FeatureRow } from './browser-data.js';
import { DemoCluster } from './cluster.js';
import { importRows } from './import.js';
import { Ledger } from './ledger.js';
import { newIn, sharedOn, sinceWhen } from './questions.js';

const tableName = 'features';
const again = 'again.';

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Runs one part and says how long it took. */
async function part<T>(name: string, run: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await run();
  say(`  ${name}: ${((performance.now() - start) / 1000).toFixed(2)} s`);
  return result;
}

function openTable(cluster: DemoCluster): Promise<Client> {
  return connect({ bootstrap: [cluster.master] });
}

async function createTable(client: Client, rows: readonly FeatureRow[]): Promise<Table> {
  const names = rows.map(({ row }) => row).sort();
  const copies = names.map((name) => again + name);
  const all = [...copies, ...names].sort();
  const regions = 8;
  const splits = Array.from(
    { length: regions - 1 },
    (_, i) => all[Math.floor(((i + 1) * all.length) / regions)] ?? '',
  );
  await client.admin.createTable({
    name: tableName,
    families: [{ name: 'support', versionsMax: statementsMax }],
    splits,
  });
  return client.table(tableName);
}

async function readAll(table: Table): Promise<Ledger> {
  const read = new Ledger();
  for await (const rows of table.scanPages({ versions: statementsMax })) {
    for (const row of rows) read.addRead(row);
  }
  return read;
}

/** The second import: a server dies at a third of it, everything at two thirds. */
async function importUnderFire(
  cluster: DemoCluster,
  client: Client,
  rows: readonly FeatureRow[],
  acknowledged: Ledger,
): Promise<void> {
  let isServerDead = false;
  let death: Promise<void> | undefined;
  await importRows({
    table: client.table(tableName),
    rows,
    acknowledged,
    onProgress: (share) => {
      if (share > 1 / 3 && !isServerDead) {
        isServerDead = true;
        say(
          `  ${Math.round(share * 100)} % done: kill -9 of region server ${cluster.servers[0] ?? '?'}`,
        );
        cluster.killServer(0);
      }
      if (share > 2 / 3 && death === undefined) {
        say(`  ${Math.round(share * 100)} % done: kill -9 of everything`);
        death = cluster.killEverything();
        // Batches under way would otherwise wait for a cluster that does not come back.
        client.close();
      }
      return death === undefined;
    },
  });
  await death;
}

async function run(root: string): Promise<boolean> {
  const rows = [...featureRows(browserData())];
  const cells = rows.reduce((count, row) => count + row.cells.length, 0);
  say(`MDN's browser compatibility data: ${rows.length} features, ${cells} statements.\n`);

  say('A cluster of one master and two region servers, and a first import:');
  let cluster = await part('start', () => DemoCluster.start(root, 2));
  let client = await openTable(cluster);
  let table = await part('create a table of 8 regions', () => createTable(client, rows));
  const acknowledged = new Ledger();
  await part(`import ${cells} cells, each acknowledged when it is on disk`, () =>
    importRows({ table, rows, acknowledged, onProgress: () => true }),
  );

  say('\nThree questions:');
  for (const ask of [
    () => sinceWhen(table, 'api.AbortController'),
    () => newIn(table, 'safari', 'css.properties.', 2024),
    () => sharedOn(table, 'javascript.builtins.', '2016-01-01'),
  ]) {
    const { question, lines } = await ask();
    say(`  ${question}`);
    for (const line of lines) say(`    ${line}`);
  }

  say('\nA second import, under fire:');
  const copies = rows.map(({ row, cells: copied }) => ({ row: again + row, cells: copied }));
  await part('import until everything was dead', () =>
    importUnderFire(cluster, client, copies, acknowledged),
  );

  say('\nThe same root again:');
  cluster = await part('start', () => DemoCluster.start(root, 2));
  client = await openTable(cluster);
  table = client.table(tableName);
  const read = await part('read every cell', () => readAll(table));
  const found = acknowledged.within(read);
  const isProven = found.digest() === acknowledged.digest();
  say(`\n  acknowledged: ${acknowledged.size} cells, SHA-256 ${acknowledged.digest()}`);
  say(`  found:        ${found.size} cells, SHA-256 ${found.digest()}`);
  say(isProven ? '\nNothing acknowledged is lost.' : '\nLOST: the digests differ.');
  client.close();
  await cluster.stop();
  return isProven;
}

const root = await mkdtemp(join(tmpdir(), 'cadastre-demo-'));
try {
  process.exitCode = (await run(root)) ? 0 : 1;
} finally {
  await rm(root, { recursive: true, force: true });
}
