/** A Jupyter notebook as something to read (nbformat 4, and 3 as far as it is the same). Nothing of it is ever executed here. */

export type Output =
  { kind: 'text' | 'error'; text: string } | { kind: 'image'; source: string } | { kind: 'html'; html: string };
export type Cell = { kind: 'markdown' | 'code' | 'raw'; text: string; count?: number; outputs: Output[] };
export type Notebook = { language: string; cells: Cell[] };

type Loose = Record<string, unknown>;
const asLoose = (value: unknown): Loose => (typeof value === 'object' && value !== null ? (value as Loose) : {});
const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
/** Texts are one string or a list of lines. */
const asText = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : asList(value)
        .filter((line) => typeof line === 'string')
        .join('');

/** Undefined when the text is no notebook. */
export function notebookIn(text: string): Notebook | undefined {
  let loose: Loose;
  try {
    loose = asLoose(JSON.parse(text));
  } catch {
    return undefined;
  }
  const cells = Array.isArray(loose['cells']) ? loose['cells'] : asLoose(asList(loose['worksheets'])[0])['cells'];
  if (!Array.isArray(cells)) return undefined;
  const metadata = asLoose(loose['metadata']);
  const language =
    asText(asLoose(metadata['language_info'])['name']) || asText(asLoose(metadata['kernelspec'])['language']);
  return { language, cells: cells.map((cell) => cellOf(asLoose(cell))) };
}

function cellOf(cell: Loose): Cell {
  const type = cell['cell_type'];
  const kind = type === 'markdown' || type === 'code' ? type : 'raw';
  const count = cell['execution_count'] ?? cell['prompt_number'];
  return {
    kind,
    text: asText(cell['source'] ?? cell['input']),
    ...(typeof count === 'number' && { count }),
    outputs: kind === 'code' ? asList(cell['outputs']).flatMap((output) => outputOf(asLoose(output))) : [],
  };
}

function outputOf(output: Loose): Output[] {
  const type = output['output_type'];
  if (type === 'stream') return [{ kind: 'text', text: withoutEscapes(asText(output['text'])) }];
  if (type === 'error' || type === 'pyerr') {
    const traceback = asList(output['traceback']).filter((line) => typeof line === 'string');
    const text =
      traceback.length > 0 ? traceback.join('\n') : `${asText(output['ename'])}: ${asText(output['evalue'])}`;
    return [{ kind: 'error', text: withoutEscapes(text) }];
  }
  return shownOf(asLoose(output['data'] ?? output));
}

const images = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const;

/** The richest of the forms of one output that can be shown safely; scripts, widgets and the like never are. */
function shownOf(data: Loose): Output[] {
  for (const type of images) {
    const base64 = asText(data[type]).replaceAll(/\s/g, '');
    if (/^[A-Za-z0-9+/]+=*$/.test(base64)) return [{ kind: 'image', source: `data:${type};base64,${base64}` }];
  }
  const svg = asText(data['image/svg+xml']);
  if (svg !== '')
    return [{ kind: 'image', source: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg.toWellFormed())}` }];
  const html = asText(data['text/html']);
  if (html !== '') return [{ kind: 'html', html }];
  const text =
    asText(data['text/markdown']) || asText(data['text/latex']) || asText(data['text/plain']) || asText(data['text']);
  return text === '' ? [] : [{ kind: 'text', text: withoutEscapes(text) }];
}

/** Without the escape sequences that colour a terminal (ECMA-48, section 5.4). */
export const withoutEscapes = (text: string): string =>
  // eslint-disable-next-line no-control-regex -- it is the escape character that begins a sequence
  text.replaceAll(/\u001b\[[0-?]*[ -/]*[@-~]/g, '');
