import type { AddProblem } from './section.ts';

type Names = { domain: string; appsDomain?: string };

/**
 * A second name is of use only beside the first: whoever is below a name can set cookies for it (RFC 6265 section 5.1.3), so neither may
 * be below the other.
 */
export function checkAppsDomain({ domain, appsDomain }: Names, add: AddProblem): void {
  if (appsDomain === undefined) return;
  const problem =
    appsDomain === domain
      ? 'is domain itself'
      : appsDomain.endsWith(`.${domain}`)
        ? 'is below domain'
        : domain.endsWith(`.${appsDomain}`)
          ? 'is above domain'
          : undefined;
  if (problem !== undefined) {
    add(
      'appsDomain',
      `must be a name beside domain (${domain}), neither the same nor below nor above it, but "${appsDomain}" ${problem}`,
    );
  }
  // Browsers read such a host as an address (URL, "ends in a number").
  if (/(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/.test(appsDomain))
    add('appsDomain', `must be a name, but "${appsDomain}" ends in a number as addresses do`);
}

/**
 * Whether browsers may take both names for one site (HTML, "same site"), and so give pages of services what is between pages of one.
 * Which names are registered apart only a list of public suffixes tells; but two names of one registrable domain always end in the same
 * two labels, so that "no" is certain.
 */
export function mayShareSite({ domain, appsDomain }: Names): boolean {
  const ending = (name: string): string => name.split('.').slice(-2).join('.');
  return appsDomain !== undefined && domain.includes('.') && ending(domain) === ending(appsDomain);
}
