import { isKubeFault, unreachable } from './faults.ts';
import { type Kind, pathOf } from './kinds.ts';
import type { KubeObject } from './objects.ts';
import type { KubeRequest } from './request.ts';

/** Which objects of a kind are meant. */
export type Selection = {
  kind: Kind;
  namespace?: string | undefined;
  /** Selector of labels: `knot/owner=ann,app!=x`. */
  labels?: string | undefined;
  /** Selector of fields: `metadata.name=x`. */
  fields?: string | undefined;
};

type Page = { items: KubeObject[]; metadata: { resourceVersion: string; continue?: string } };

const pageSize = 500;

/** Address and selectors of a request about a selection. */
export const requestOf = ({ kind, namespace, labels, fields }: Selection) => ({
  method: 'GET' as const,
  path: pathOf(kind, namespace),
  query: { labelSelector: labels, fieldSelector: fields },
});

/**
 * Tells all that is selected, page after page, and gives the version at which it was so. `begin` is called before the first of them; once
 * more where the API server forgot the pages meanwhile (410): then all comes again, at once.
 */
export async function listAll(
  ask: <T>(asked: KubeRequest) => Promise<T>,
  selection: Selection,
  { begin, tell }: { begin: () => void; tell: (object: KubeObject) => void },
  { accept, signal }: { accept?: string; signal?: AbortSignal } = {},
): Promise<string> {
  const { kind } = selection;
  const { query, ...where } = requestOf(selection);
  const asked = { ...where, ...(accept !== undefined && { headers: { accept } }), signal };
  begin();
  let next: string | undefined;
  for (;;) {
    let page: Page;
    try {
      page = await ask<Page>({ ...asked, query: { ...query, limit: pageSize, continue: next } });
    } catch (error) {
      if (next === undefined || !isKubeFault(error, 'KNOT_KUBE_GONE')) throw error;
      begin();
      page = await ask<Page>({ ...asked, query });
    }
    if (!Array.isArray(page?.items) || typeof page.metadata?.resourceVersion !== 'string')
      throw unreachable(new Error('the answer is no list'), `list of ${kind.plural}`);
    // Objects in a list do not say what they are.
    for (const item of page.items) tell(Object.assign(item, { apiVersion: kind.apiVersion, kind: kind.kind }));
    next = page.metadata.continue || undefined;
    if (next === undefined) return page.metadata.resourceVersion;
  }
}
