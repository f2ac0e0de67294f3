const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const hostAndPort = new RegExp(`^(${label}(?:\\.${label})*)(?::[0-9]{1,5})?$`);
const ipv6AndPort = /^(\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/;

const remembered = new Map<string, string>();
const rememberedLimit = 2000;

/**
 * The host of a `Host` field or `:authority`: lower case, without port, or undefined when it is not a plain host (user
 * information, lists, paths, a trailing dot, a port that is not a number, nothing at all; catalogue T1, T3, T4). Answers
 * are remembered, because the same few strings come with every request.
 */
export function readHost(field: string): string | undefined {
  const known = remembered.get(field);
  if (known !== undefined) return known;
  if (field.length > 260) return undefined;
  const lower = field.toLowerCase();
  const match = hostAndPort.exec(lower) ?? ipv6AndPort.exec(lower);
  if (match === null || match[1]!.length > 253) return undefined;
  if (remembered.size >= rememberedLimit) remembered.clear();
  remembered.set(field, match[1]!);
  return match[1]!;
}
