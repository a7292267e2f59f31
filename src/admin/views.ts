// From what master and engine show to what the API answers.

import type { CadastreError } from '../base/errors.js';
import type { ProcedureTree, ProcedureView } from '../procedure/views.js';

/** Without the steps: a thousand of them are made into text in one turn (L9). */
export function summary(view: ProcedureView): Omit<ProcedureView, 'history'> {
  const { history: _, ...rest } = view;
  return rest;
}

export interface PrunedTree {
  readonly procedure: Omit<ProcedureView, 'history'>;
  readonly children: readonly PrunedTree[];
  readonly omitted: number;
}

/** The tree with summaries only. */
export function pruned({ procedure, children, omitted }: ProcedureTree): PrunedTree {
  return { procedure: summary(procedure), children: children.map(pruned), omitted };
}

export function errorJson({ code, message, nextStep }: CadastreError) {
  return { code, message, nextStep };
}
