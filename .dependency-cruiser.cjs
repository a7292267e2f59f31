// Holds the import rule of the layout: a folder imports only folders above it in the list, and of
// world/ only its interfaces. `npm run check:boundaries` runs it.
const order = [
  'base',
  'world',
  'storage',
  'wire',
  'region',
  'catalog',
  'procedure',
  'master',
  'server',
  'client',
  'admin',
  'console',
  'cli',
];
const layers = order.map((name, index) => ({
  name: `layer-${name}`,
  comment: `src/${name} imports only folders above it in the layout`,
  severity: 'error',
  from: { path: `^src/${name}/`, pathNot: '\\.test\\.ts$' },
  to: { path: `^src/(${order.slice(index + 1).join('|') || 'none'})/` },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'catalog-and-procedure-do-not-meet',
      comment: 'they meet in ProcedureStore, whose adapter is in master/',
      severity: 'error',
      from: { path: '^src/procedure/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/catalog/' },
    },
    {
      name: 'server-and-master-do-not-meet',
      comment: 'they talk over the wire',
      severity: 'error',
      from: { path: '^src/(server|client)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/(master|server)/', pathNot: '^src/server/.*' },
    },
    {
      name: 'world-only-its-interfaces',
      comment: 'L8: implementations of the world are chosen by cli, sim, bench and tests only',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['^src/world/', '^src/cli/', '\\.test\\.ts$', '/testing/', '-worker\\.ts$'],
      },
      to: { path: '^src/world/(real|s3|simulated)/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { pathNot: '/generated/' },
      to: { circular: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^dist/|node_modules)' },
  },
};
