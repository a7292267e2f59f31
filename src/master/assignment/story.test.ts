import { expect, it } from 'vitest';
import { TestCluster } from '../testing/cluster.js';

/** Ids differ between runs of different seeds; small numbers read better anyway. */
function renumber(text: string): string {
  const names = new Map<string, string>();
  return text.replace(/\b\d{13,}\b/g, (id) => {
    const name = names.get(id) ?? `#${names.size + 1}`;
    names.set(id, name);
    return name;
  });
}

it('R-P10: the log tells one assign as a story', async () => {
  const cluster = await new TestCluster(1).start(1);
  await cluster.createTable('t');
  const story = cluster.simulation.logLines
    .filter(({ node, fields }) => node.startsWith('master') && fields['pid'] !== undefined)
    .map(({ message, fields }) => {
      const shown = Object.entries(fields).filter(([, value]) => value !== undefined);
      return `${message} ${shown.map(([key, value]) => `${key}=${value}`).join(' ')}`;
    });
  await expect(`${renumber(story.join('\n'))}\n`).toMatchFileSnapshot(
    '../testdata/assign-story.txt',
  );
});
