/** Markup that is already safe. Made only by `html`, which escapes every value that is not itself `Html`. */
export type Html = { readonly markup: string };

/**
 * Tagged template: escapes values for text and quoted attributes; arrays are joined; undefined, null and false vanish. The
 * indentation of the template itself is dropped, that of values is kept.
 */
export function html(strings: TemplateStringsArray, ...values: unknown[]): Html {
  const parts = withoutIndentation(strings);
  let markup = parts[0]!;
  values.forEach((value, index) => (markup += toMarkup(value) + parts[index + 1]!));
  return { markup };
}

const compacted = new WeakMap<TemplateStringsArray, readonly string[]>();

function withoutIndentation(strings: TemplateStringsArray): readonly string[] {
  let parts = compacted.get(strings);
  if (!parts) {
    parts = strings.map((part) => part.replaceAll(/\n\s+/g, '\n'));
    compacted.set(strings, parts);
  }
  return parts;
}

function toMarkup(value: unknown): string {
  if (value === undefined || value === null || value === false) return '';
  if (Array.isArray(value)) return value.map(toMarkup).join('');
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'object' && 'markup' in value) return (value as Html).markup;
  return escapeHtml(JSON.stringify(value));
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
