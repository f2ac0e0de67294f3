/** Hands an address to the browser's own downloads; the page stays as it is. */
export function downloadFrom(href: string, name = ''): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
