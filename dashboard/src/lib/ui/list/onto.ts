/** `link` as it would be if it had been drawn for `pending`: what it changes of `shown` is changed of that instead. */
export function onto(link: URL, shown: URL, pending: URL): string {
  const next = new URLSearchParams(pending.search);
  const names = new Set([...shown.searchParams.keys(), ...link.searchParams.keys()]);
  let isOther = false;
  for (const name of names) {
    const value = link.searchParams.get(name);
    if (value === shown.searchParams.get(name)) continue;
    if (name !== 'page') isOther = true;
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  // What is found anew begins at its first page.
  if (isOther && !link.searchParams.has('page')) next.delete('page');
  const query = next.toString();
  return `${link.pathname}${query === '' ? '' : `?${query}`}${link.hash}`;
}
