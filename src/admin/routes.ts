// All routes, and how a request finds its own.

import { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import { lockRoutes } from './lock-routes.js';
import { procedureRoutes } from './procedure-routes.js';
import { regionRoutes } from './region-routes.js';
import type { Route } from './route.js';
import { systemRoutes } from './system-routes.js';

export const routes: readonly Route[] = [
  ...procedureRoutes,
  ...lockRoutes,
  ...regionRoutes,
  ...systemRoutes,
];

export interface FoundRoute {
  readonly route: Route;
  /** 0 if the path has none. */
  readonly id: ProcedureId;
}

const idPart = /^\d{1,16}$/;

/** Throws `unknown-method` if nothing has the path, or nothing with that method. */
export function findRoute(method: string, path: string): FoundRoute {
  const parts = path.split('/');
  const pattern = parts.map((part) => (idPart.test(part) ? '{id}' : part)).join('/');
  const there = routes.filter((route) => route.path === pattern);
  const route = there.find((one) => one.method === method);
  if (route !== undefined) {
    return { route, id: Number(parts.find((part) => idPart.test(part)) ?? 0) as ProcedureId };
  }
  if (there.length === 0) {
    throw new CadastreError('unknown-method', `there is nothing at ${path}`, {
      nextStep: 'See docs/reference/openapi.json for what there is.',
    });
  }
  const methods = there.map((one) => one.method).join(' and ');
  throw new CadastreError('unknown-method', `${path} takes ${methods}, not ${method}`, {
    nextStep: 'See docs/reference/openapi.json for what there is.',
  });
}
