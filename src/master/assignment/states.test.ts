import { describe, expect, it } from 'vitest';
import { assignableStates, outcomeOf, regionEvents, regionTransitions } from './states.js';

describe('the table of region states', () => {
  it('has a cell for every state and event, and each refusal says why', () => {
    for (const state of assignableStates) {
      expect(Object.keys(regionTransitions[state]).sort()).toEqual([...regionEvents].sort());
      for (const event of regionEvents) {
        const outcome = regionTransitions[state][event];
        if (outcome.kind === 'refuse') expect(outcome.reason.length).toBeGreaterThan(10);
      }
    }
  });

  it('leads only to states of the table, each of which something leads to', () => {
    const reached = new Set<string>(['offline']);
    for (const state of assignableStates) {
      for (const event of regionEvents) {
        const outcome = outcomeOf(state, event);
        if (outcome.kind === 'go') reached.add(outcome.to);
      }
    }
    expect([...reached].sort()).toEqual([...assignableStates].sort());
  });

  it('race A22: never assigns what a live server may be serving', () => {
    expect(outcomeOf('open', 'assign').kind).toBe('refuse');
    expect(outcomeOf('closing', 'assign').kind).toBe('refuse');
  });

  it('race A17: acknowledges a repeated OPENED and a repeated CLOSED again', () => {
    expect(outcomeOf('open', 'opened').kind).toBe('repeat');
    expect(outcomeOf('closed', 'closed').kind).toBe('repeat');
  });

  it('takes OPENED only while opening', () => {
    const taking = assignableStates.filter((state) => outcomeOf(state, 'opened').kind === 'go');
    expect(taking).toEqual(['opening']);
  });

  it('takes a close that nobody asked for nowhere: the edits are in a live log', () => {
    const taking = assignableStates.filter((state) => outcomeOf(state, 'closed').kind === 'go');
    expect(taking).toEqual(['closing']);
  });

  it('leads every held region to ABNORMALLY_CLOSED when its server is recovered', () => {
    for (const state of ['opening', 'open', 'closing'] as const) {
      expect(outcomeOf(state, 'recovered')).toEqual({ kind: 'go', to: 'abnormally-closed' });
    }
  });

  it('refuses every event in the states of splits and merges', () => {
    for (const event of regionEvents) {
      expect(outcomeOf('split', event).kind).toBe('refuse');
      expect(outcomeOf('merged', event).kind).toBe('refuse');
    }
  });
});
