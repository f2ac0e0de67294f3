/**
 * The log for a person at a terminal: one line per entry, time, level, message, then the fields. It is made from the finished
 * (redacted, escaped) JSON line, so whatever holds for that holds here.
 */
type Entry = Record<string, unknown> & { level?: string; time?: number; msg?: string };

const colours: Record<string, number> = { debug: 90, info: 36, warn: 33, error: 31, fatal: 31 };
const hidden = new Set(['level', 'time', 'msg', 'pid', 'hostname']);
const plainText = /^[\w./:@*+,%~-]{1,200}$/;

function show(value: unknown): string {
  if (typeof value === 'string') return plainText.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? '';
}

// eslint-disable-next-line no-control-regex -- a line must stay one line
const oneLine = (text: string) => text.replace(/[\u0000-\u001f]/g, ' ');

/** Code, message and where it was thrown; the whole stack is in the JSON format. */
function showError(value: unknown): string {
  if (typeof value !== 'object' || value === null) return show(value);
  const { message, code, stack } = value as { message?: unknown; code?: unknown; stack?: unknown };
  const frames = typeof stack === 'string' ? stack.split('\n').filter((line) => /^\s+at /.test(line)) : [];
  const place = frames
    .slice(0, 2)
    .map((line) => line.trim().slice(3))
    .join(' < ');
  const text = `${typeof code === 'string' ? `${code}: ` : ''}${typeof message === 'string' ? message : ''}`;
  return JSON.stringify(place === '' ? text : `${text} (${place})`);
}

function showAccess(entry: Entry): string {
  const { method, host, path, status, user, route, verdict, reason, totalMs } = entry;
  const notes = [user, verdict, reason].filter((note) => typeof note === 'string' && note !== '').map(show);
  const where = `${show(method)} ${show(`${String(host)}${String(path)}`)}`;
  return [where, show(status), `${Math.round(Number(totalMs))} ms`, show(route), ...notes].join(' ');
}

export function prettyLine(line: string, hasColour: boolean): string {
  let entry: Entry;
  try {
    entry = JSON.parse(line) as Entry;
  } catch {
    return line;
  }
  const paint = (code: number, text: string) => (hasColour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const time = new Date(entry.time ?? 0).toISOString().slice(11, 23);
  const level = entry.level ?? 'info';
  const head = `${paint(90, time)} ${paint(colours[level] ?? 0, level.padEnd(5))}`;
  if (entry.msg === 'access') return `${head} ${showAccess(entry)}\n`;
  const fields = Object.entries(entry)
    .filter(([name, value]) => !hidden.has(name) && value !== undefined)
    .map(([name, value]) => paint(90, `${name}=`) + (name === 'err' ? showError(value) : show(value)));
  return `${[head, oneLine(String(entry.msg ?? '')), ...fields].join(' ')}\n`;
}
