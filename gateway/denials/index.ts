/**
 * denials: what was refused to whom by which rule, kept for a day so that the decision id of a 403 leads somewhere.
 * Owns: which refusals are kept (bounded in rows, in writes and per person), writing them in batches, finding them by id.
 * Does not own: the decision (policy), the page that shows the id (proxy), who may look one up (api).
 * Mounts: nothing.
 */
export { createDenials, type Denial, type Denials, denialIdPattern } from './service.ts';
