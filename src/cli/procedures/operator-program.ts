// The operators' commands, as the parser knows them. What they do is loaded when they run.

import type { Command } from 'commander';
import type { AdminOptions } from './admin-client.js';

export function addOperatorCommands(root: Command): void {
  const procedure = root
    .command('procedure')
    .description('Procedures: what runs, why it does not go on, and what to do about it.');
  addLooks(procedure);
  addVerbs(procedure);
  addLog(procedure);
  const lock = root.command('lock').description('Locks: who holds them, and who waits.');
  withPage(withAdmin(lock.command('list'), 'cadastre lock list --contended'))
    .description('List locks that are held or waited for.')
    .option('--kind <kinds>', 'server, snapshot, namespace, table, region; several with commas')
    .option('--contended', 'only those that somebody waits for')
    .action(async (options) => (await import('./locks.js')).list(options));
  withPage(withAdmin(lock.command('graph'), 'cadastre lock graph'))
    .description('Show who waits for whom.')
    .action(async (options) => (await import('./locks.js')).graph(options));
  withPage(withAdmin(root.command('rit'), 'cadastre rit --json'))
    .description('List regions in transition, longest first, with owner and reason.')
    .action(async (options) => (await import('./regions.js')).list(options));
}

function withAdmin(command: Command, example: string): Command {
  return command
    .option('--root <dir>', "the cluster's storage root", './cadastre-data')
    .option('--admin <host:port>', 'the operator API (default: as the root says)')
    .option('--token-file <file>', 'the token (default: the file admin-token of the root)')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', `\nExample:\n  ${example}\n`);
}

function withPage(command: Command): Command {
  return command
    .option('--after <place>', 'go on after the page that said so')
    .option('--limit <count>', 'at most so many (default: 100, at most 1000)');
}

function addLooks(procedure: Command): void {
  withPage(withAdmin(procedure.command('list'), 'cadastre procedure list --stuck 60 --roots'))
    .description('List procedures: unfinished ones, and those that ended lately.')
    .option('--type <types>', 'only of these types; several with commas')
    .option('--phase <phases>', 'such as forward, rolling-back, failed, quarantined')
    .option('--reason <reasons>', 'such as lock, back-off, event, remote, paused')
    .option('--parent <pid>', 'only children of this one')
    .option('--roots', 'only those without a parent')
    .option('--owner <user>', 'only what this user asked for')
    .option('--stuck <seconds>', 'only those that have waited for at least so long')
    .action(async (options) => (await import('./procedure-looks.js')).list(options));
  withAdmin(procedure.command('show <pid>'), 'cadastre procedure show 1099511627779')
    .description('Show one procedure, with its last steps.')
    .action(async (pid, options) => (await import('./procedure-looks.js')).show(pid, options));
  withAdmin(procedure.command('tree <pid>'), 'cadastre procedure tree 1099511627779')
    .description('Show the whole tree that a procedure belongs to.')
    .option('--limit <count>', 'at most so many (default and most: 1000)')
    .action(async (pid, options) => (await import('./procedure-looks.js')).tree(pid, options));
  withAdmin(procedure.command('explain <pid>'), 'cadastre procedure explain 1099511627779')
    .description('Say why a procedure does not go on, and what can be done.')
    .action(async (pid, options) => (await import('./procedure-looks.js')).explain(pid, options));
  withAdmin(procedure.command('wait <pid>'), 'cadastre procedure wait 1099511627779 --timeout 60')
    .description('Wait for the end. Exit code 0: succeeded, 1: not, 3: the time was over first.')
    .option('--timeout <seconds>', 'wait no longer than this (default: for ever)')
    .action(async (pid, options) => (await import('./procedure-looks.js')).wait(pid, options));
  withAdmin(
    procedure.command('export <pid> [file]'),
    'cadastre procedure export 1099511627779 bug.json',
  )
    .description('Write all that is known of one tree as JSON, for a bug report.')
    .action(async (pid, file, options) =>
      (await import('./procedure-looks.js')).exportTree(pid, file, options),
    );
}

function addVerbs(procedure: Command): void {
  withAdmin(procedure.command('cancel <pid>'), 'cadastre procedure cancel 1099511627779')
    .description('Roll a procedure back, unless it is past its point of no return.')
    .action(async (pid, options) => (await import('./procedure-verbs.js')).cancel(pid, options));
  withAdmin(procedure.command('retry <pid>'), 'cadastre procedure retry 1099511627779')
    .description('End its back-off or its wait now.')
    .action(async (pid, options) => (await import('./procedure-verbs.js')).retry(pid, options));
  withPaused(procedure, 'pause', 'Pause one procedure, a type, or all.');
  withPaused(procedure, 'resume', 'Let one procedure, a type, or all go on.');
  withAdmin(
    procedure.command('bypass <pid>'),
    'cadastre procedure bypass 1099511627779 --recursive',
  )
    .description('End a procedure as if done. Prints first what that skips, and asks.')
    .option('--recursive', 'its unfinished descendants, too')
    .option('--override', 'abandon an async part that runs')
    .option('--yes', 'do not ask')
    .action(async (pid, options) => (await import('./procedure-verbs.js')).bypass(pid, options));
  withAdmin(
    procedure.command('priority <pid> <priority>'),
    'cadastre procedure priority 1099511627779 crash',
  )
    .description('Give it another priority: crash, region, table or background.')
    .action(async (...args: [string, string, AdminOptions]) =>
      (await import('./procedure-verbs.js')).setPriority(...args),
    );
}

function withPaused(procedure: Command, verb: 'pause' | 'resume', description: string): void {
  withAdmin(procedure.command(`${verb} [pid]`), `cadastre procedure ${verb} --type AssignRegion`)
    .description(description)
    .option('--type <type>', 'all of this type, until a restart')
    .option('--all', 'all, until a restart')
    .action(async (pid, options) => (await import('./procedure-verbs.js'))[verb](pid, options));
}

function addLog(procedure: Command): void {
  procedure
    .command('log')
    .description(
      'Print what the logs of a root say of its procedures, running or not. Exit code 1: damage was met.',
    )
    .option('--root <dir>', 'the storage root; nothing is written to it', './cadastre-data')
    .option('--pid <pid>', 'only this procedure')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', '\nExample:\n  cadastre procedure log --root /srv/cadastre --pid 7\n')
    .action(async (options) => (await import('./log-command.js')).log(options));
}
