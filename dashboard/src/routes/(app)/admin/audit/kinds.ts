import { actWords } from '#lib/acts.ts';
import type { AuditFilter, AuditPage } from '#lib/contract.ts';
import { urls } from '#lib/urls.ts';
import type { Chip } from '#lib/ui/list/columns.ts';

/** A chip of each kind of act that the ledger knows for the rest of the filter. */
export function kindChips(filter: AuditFilter, counts: AuditPage['counts']): Chip[] {
  return [
    {
      label: 'Everything',
      href: urls.audit({ ...filter, action: '' }),
      isChosen: filter.action === undefined,
      count: counts.reduce((sum, { count }) => sum + count, 0),
      isMore: counts.some(({ isMore }) => isMore),
    },
    ...counts.map(({ action, count, isMore }) => ({
      label: actWords(action),
      href: urls.audit({ ...filter, action: filter.action === action ? '' : action }),
      isChosen: filter.action === action,
      count,
      isMore,
    })),
  ];
}
