// The commands that speak to a cluster, as the parser knows them. What they do is loaded when they run.

import type { Command } from 'commander';

export function addClientCommands(root: Command): void {
  addShell(root);
  addData(root);
  addTransfer(root);
  addTables(root);
  addStatus(root);
  addSettings(root);
}

function withCluster(command: Command, example: string): Command {
  return command
    .option(
      '--connect <host:port,…>',
      'the cluster (default: CADASTRE_CONNECT, else ./cadastre-data)',
    )
    .option('--timeout <seconds>', 'give an operation up after this long (default: 60)')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', `\nExample:\n  ${example}\n`);
}

function withSelection(command: Command): Command {
  return command
    .option('--columns <columns...>', 'family or family:qualifier (default: all)')
    .option('--versions <count>', 'versions of each column (default: 1)')
    .option('--from <ms>', 'cells of this time or later')
    .option('--until <ms>', 'cells before this time');
}

function withRange(command: Command): Command {
  return withSelection(command)
    .option('--start <row>', 'first row')
    .option('--stop <row>', 'row to stop before')
    .option('--prefix <bytes>', 'rows that start so')
    .option('--limit <rows>', 'at most so many rows');
}

function addShell(root: Command): void {
  const command = root.command('shell').description('Type HBase\'s verbs; "help" lists them.');
  withCluster(command, `cadastre shell -e 'create "t", "f"' -e 'put "t", "row", "f:q", "value"'`)
    .option('-e, --execute <statement>', 'run this instead; may be repeated', collect, [])
    .action(async (options) => (await import('./shell/shell.js')).shell(options));
}

function addData(root: Command): void {
  withCluster(
    root.command('put <table> <row> <family:qualifier=value...>'),
    'cadastre put fruit apple info:colour=red info:weight=150',
  )
    .description('Put values into a row. Bytes that are not text are written \\xNN.')
    .option('--timestamp <ms>', "the cells' time (default: the server's clock)")
    .action(async (...args) =>
      (await import('./commands/data.js')).put(args[0], args[1], args[2], args[3]),
    );
  withCluster(
    withSelection(root.command('get <table> <row>')),
    'cadastre get fruit apple --columns info --versions 3',
  )
    .description('Show a row.')
    .action(async (table, row, options) =>
      (await import('./commands/data.js')).get(table, row, options),
    );
  withCluster(
    withRange(root.command('scan <table>')),
    'cadastre scan fruit --start a --stop c --limit 10 --json',
  )
    .description('Show rows in order of their keys.')
    .option('--reversed', 'from the end to the start')
    .action(async (table, options) => (await import('./commands/data.js')).scan(table, options));
  withCluster(
    root.command('delete <table> <row> [columns...]'),
    'cadastre delete fruit apple info:colour',
  )
    .description('Delete columns or families of a row, or without any the whole row.')
    .option('--yes', 'do not ask before a whole row is deleted')
    .action(async (...args) =>
      (await import('./commands/data.js')).remove(args[0], args[1], args[2], args[3]),
    );
  withCluster(withRange(root.command('count <table>')), 'cadastre count fruit --prefix a')
    .description('Count rows.')
    .action(async (table, options) => (await import('./commands/data.js')).count(table, options));
}

function addTransfer(root: Command): void {
  withCluster(root.command('import <table> <file>'), 'cadastre import fruit fruit.jsonl')
    .description('Put the rows of a file of JSON lines ("-": standard input) into a table.')
    .option(
      '--rejected <file>',
      'where lines that cannot be taken are kept (default: <file>.rejected)',
    )
    .option('--restart', 'start at the first line although an interrupted import could go on')
    .option('--in-flight <batches>', 'batches sent at once (default: 8)')
    .action(async (table, file, options) =>
      (await import('./transfer/import.js')).importFile(table, file, options),
    );
  withCluster(
    withRange(root.command('export <table> [file]')),
    'cadastre export fruit fruit.jsonl --versions 3',
  )
    .description('Write rows as JSON lines to a file (default: standard output).')
    .option('--restart', 'start at the first row although an interrupted export could go on')
    .action(async (table, file, options) =>
      (await import('./transfer/export.js')).exportTable(table, file, options),
    );
}

function addTables(root: Command): void {
  const table = root
    .command('table')
    .description('Tables: create, list, describe, enable, disable, drop.');
  withCluster(
    table.command('create <name> <families...>'),
    'cadastre table create fruit info,VERSIONS=3 --split g --split p',
  )
    .description("Create a table. Families may carry HBase's settings: f,VERSIONS=3,TTL=86400.")
    .option('--split <row>', 'first row of another region; may be repeated', collect, [])
    .action(async (name, families, options) =>
      (await import('./commands/tables.js')).create(name, families, options),
    );
  withCluster(table.command('list [pattern]'), "cadastre table list 'fr.*'")
    .description('List tables, all or those that the pattern matches.')
    .action(async (pattern, options) =>
      (await import('./commands/tables.js')).list(pattern, options),
    );
  withCluster(table.command('describe <name>'), 'cadastre table describe fruit')
    .description("Show a table's families, state and regions.")
    .action(async (name, options) =>
      (await import('./commands/tables.js')).describe(name, options),
    );
  withCluster(table.command('enable <name>'), 'cadastre table enable fruit')
    .description('Enable a table.')
    .action(async (name, options) => (await import('./commands/tables.js')).enable(name, options));
  withCluster(table.command('disable <name>'), 'cadastre table disable fruit')
    .description('Disable a table: its regions are closed, its data stays.')
    .action(async (name, options) => (await import('./commands/tables.js')).disable(name, options));
  withCluster(table.command('drop <name>'), 'cadastre table drop fruit --yes')
    .description('Drop a disabled table with all its rows.')
    .option('--yes', 'do not ask')
    .action(async (name, options) => (await import('./commands/tables.js')).drop(name, options));
}

function addStatus(root: Command): void {
  withCluster(root.command('status'), 'cadastre status --json')
    .description("Show the cluster's master and servers.")
    .action(async (options) => (await import('./commands/status.js')).status(options));
}

function addSettings(root: Command): void {
  const setting = root.command('setting').description('Settings: list, get, explain.');
  setting
    .command('list')
    .description('List all settings.')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', '\nExample:\n  cadastre setting list --json\n')
    .action(async (options) => (await import('./commands/settings.js')).list(options));
  setting
    .command('get <name>')
    .description("Show a setting's default.")
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', '\nExample:\n  cadastre setting get hbase.assignment.maximum.attempts\n')
    .action(async (name, options) => (await import('./commands/settings.js')).get(name, options));
  setting
    .command('explain <name>')
    .description('Say what a setting means and when to change it.')
    .option('--json', 'print JSON, for programs')
    .addHelpText(
      'after',
      '\nExample:\n  cadastre setting explain hbase.assignment.maximum.attempts\n',
    )
    .action(async (name, options) =>
      (await import('./commands/settings.js')).explain(name, options),
    );
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
