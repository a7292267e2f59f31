// The table of commands.

import { Command } from 'commander';
import { addClientCommands } from './client-program.js';
import { addOperatorCommands } from './procedures/operator-program.js';
import { readVersion } from './version.js';

/** A fresh parser; nothing is run before its `parseAsync`. */
export function program(): Command {
  const root = new Command('cadastre')
    .description('A sorted, sharded table store with durable procedures.')
    .version(readVersion())
    .showHelpAfterError('(add --help for what can be given)')
    .exitOverride();
  addRoles(root);
  addClientCommands(root);
  addOperatorCommands(root);
  addBench(root);
  return root;
}

/** Options that every process of a cluster takes. */
function withProcessOptions(command: Command): Command {
  return command
    .option('--root <dir>', 'the storage root', './cadastre-data')
    .option('--host <host>', 'address to listen on and to be reached at', '127.0.0.1')
    .option('--set <name=value>', 'a setting; may be repeated', collect, [])
    .option('--log-level <level>', 'debug, info, warn, error or silent', 'warn')
    .option('--log-json', 'log lines as JSON, for programs')
    .option('--insecure', 'allow an address other than loopback, without encryption');
}

function addRoles(root: Command): void {
  withProcessOptions(root.command('start'))
    .description('Run a whole cluster on this machine: a master and its region servers.')
    .option('--port <port>', "the master's RPC port (default: 16000, else a free one)")
    .option('--admin-port <port>', 'port of the operator API on the loopback (default: a free one)')
    .option('--start-paused', 'no procedure runs before "cadastre procedure resume --all"')
    .option('--servers <count>', 'region servers (default: one for each core but one, 1 to 4)')
    .option('--one-process', 'run everything in this process; for tests')
    .option('--json', 'print where things are as one line of JSON')
    .addHelpText('after', '\nExample:\n  cadastre start --root ./my-data --port 16000\n')
    .action(async (options: unknown) => (await import('./start.js')).start(options));
  withProcessOptions(root.command('master'))
    .description('Run a master alone; refused while another one lives on the same root.')
    .option('--port <port>', 'RPC port (default: 16000, else a free one)')
    .option('--admin-port <port>', 'port of the operator API on the loopback (default: a free one)')
    .option('--start-paused', 'no procedure runs before "cadastre procedure resume --all"')
    .addHelpText('after', '\nExample:\n  cadastre master --root /srv/cadastre\n')
    .action(async (options: unknown) => (await import('./start.js')).master(options));
  withProcessOptions(root.command('server'))
    .description('Run one region server; it finds its master through the root.')
    .option('--port <port>', 'RPC port (default: a free one)')
    .option('--child', 'end with the process that started this one')
    .addHelpText('after', '\nExample:\n  cadastre server --root /srv/cadastre\n')
    .action(async (options: unknown) => (await import('./start.js')).server(options));
}

function addBench(root: Command): void {
  // What follows the name is the bench's own, HBase's options with one dash among them.
  root.enablePositionalOptions();
  root
    .command('bench <name> [options...]')
    .description('Measure: data, log, start, recovery, stalls, scheduler, store, executor, load, …')
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText('after', '\nExample:\n  cadastre bench data --op put,get --in-flight 64\n')
    .action(async (name: string, args: readonly string[]) =>
      (await import('./bench.js')).bench(name, args),
    );
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
