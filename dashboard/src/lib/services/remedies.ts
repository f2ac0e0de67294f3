/** What can be pressed beside a failure, by what failed. */
import type { Me, Service } from '#lib/contract.ts';
import { parts } from '#lib/services/parts.ts';
import { urls } from '#lib/urls.ts';

type Remedy = { label: string; href: string };

const larger = 'Choose a larger size';
const values = 'Change its values';

/** Of causes that other values mend. */
const labels: Readonly<Record<string, string>> = {
  'no-memory': larger,
  'no-file': values,
  'not-allowed': values,
  slow: larger,
  ended: values,
  // A size has no share in how many programs and files there may be.
  'no-processes': values,
  'no-descriptors': values,
  'file-too-large': values,
  'no-image': values,
  'image-refused': values,
  template: values,
};

/** The ways on from a failure that lead somewhere; starting it again is always one, and is not among them. */
export function remediesOf(service: Service, me: Pick<Me, 'canAdminister'>): Remedy[] {
  const code = service.cause?.code ?? '';
  const to = (part: string, label: string): Remedy[] =>
    parts[part]?.isFor(service) ? [{ label, href: urls.service(service, part) }] : [];
  const isMissing = code === 'no-program' || code === 'no-module';
  return [
    ...(service.canManage && labels[code] !== undefined ? to('values', labels[code]) : []),
    ...(['disk-full', 'files-full'].includes(code) && service.canOpen
      ? [{ label: 'See what takes room', href: urls.files() }]
      : []),
    // What is missing, and the command that installs it, stands with the template.
    ...(isMissing && me.canAdminister
      ? [{ label: 'How to install it', href: urls.newService({ id: service.template.id }) }]
      : []),
    ...to('logs', 'See its logs'),
  ];
}
