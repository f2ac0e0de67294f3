/**
 * Fields of a message as alternating names and values, the form they have from one parser to the other: no object is made, order and
 * repetition stay.
 */
export type Fields = readonly string[];

/** RFC 9110 section 5.5: visible characters, space, tab, and bytes above ASCII; a lone CR, LF or NUL is never among them. */
export const refusedValueByte = /[^\t\x20-\x7e\x80-\xff]/;

/** As lines of HTTP/1. */
export function fieldLines(fields: Fields): string {
  let text = '';
  for (let index = 0; index < fields.length; index += 2) text += `${fields[index]!}: ${fields[index + 1]!}\r\n`;
  return text;
}

/** Those whose name is kept, in their order. */
export function fieldsWhere(fields: Fields, isKept: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    if (isKept(fields[index]!)) kept.push(fields[index]!, fields[index + 1]!);
  }
  return kept;
}

/**
 * As a record, a repeated field as a list: the one form in which Node's HTTP/2 and its trailers keep every value of it.
 */
export function fieldRecord(fields: Fields): Record<string, string | string[]> {
  // Without a prototype: an upstream may well send a field named `constructor`.
  const record = Object.create(null) as Record<string, string | string[]>;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = fields[index + 1]!;
    const earlier = record[name];
    if (earlier === undefined) record[name] = value;
    else if (typeof earlier === 'string') record[name] = [earlier, value];
    else earlier.push(value);
  }
  return record;
}

/**
 * The other way round, for fields of our own.
 *
 * @throws TypeError for a value that would end its line: what an upstream sends was read strictly, these were not
 */
export function fieldList(record: Readonly<Record<string, string | string[]>>): string[] {
  const list: string[] = [];
  for (const name of Object.keys(record)) {
    for (const value of [record[name]!].flat()) {
      if (refusedValueByte.test(value)) throw new TypeError(`the header ${name} holds a control character`);
      list.push(name, value);
    }
  }
  return list;
}

/**
 * The elements of a list (RFC 9110 section 5.6.1), trimmed, without empty ones. A comma in quotes, or between `<` and `>` where an
 * address stands, divides nothing. Undefined when such a thing does not end. One pass, whatever is in it.
 */
export function listElements(value: string): string[] | undefined {
  const elements: string[] = [];
  let start = 0;
  let until = '';
  for (let at = 0; at <= value.length; at += 1) {
    const character = value[at];
    if (until !== '') {
      if (character === undefined) return undefined;
      if (character === '\\' && until === '"') at += 1;
      else if (character === until) until = '';
    } else if (character === '"') until = '"';
    else if (character === '<') until = '>';
    else if (character === ',' || character === undefined) {
      const element = value.slice(start, at).trim();
      if (element !== '') elements.push(element);
      start = at + 1;
    }
  }
  return elements;
}
