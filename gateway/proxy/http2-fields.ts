/**
 * Alternating names and values as a record, a repeated field as a list: the one form in which Node's HTTP/2 and its trailers keep
 * every value of it.
 */
export function http2Fields(headers: readonly string[]): Record<string, string | string[]> {
  // Without a prototype: an upstream may well send a field named `constructor`.
  const fields = Object.create(null) as Record<string, string | string[]>;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!;
    const value = headers[index + 1]!;
    const earlier = fields[name];
    if (earlier === undefined) fields[name] = value;
    else if (typeof earlier === 'string') fields[name] = [earlier, value];
    else earlier.push(value);
  }
  return fields;
}
