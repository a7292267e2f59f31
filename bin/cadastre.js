#!/usr/bin/env node
// The launcher. It sets the thread-pool size before Node reads it, and nothing else.
process.env.UV_THREADPOOL_SIZE ??= '16';
const { main } = await import('../dist/src/cli/main.js');
await main(process.argv.slice(2));
