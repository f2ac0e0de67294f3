/** What is kept in this browser. Storage may be blocked, full or edited by hand: then nothing is kept, and nothing fails. */

export function readKept(key: string): unknown {
  return quietly(() => JSON.parse(localStorage.getItem(key) ?? 'null') as unknown);
}

export function writeKept(key: string, value: unknown): void {
  quietly(() => localStorage.setItem(key, JSON.stringify(value)));
}

export function dropKept(key: string): void {
  quietly(() => localStorage.removeItem(key));
}

export function keptKeys(prefix: string): string[] {
  return quietly(() => Object.keys(localStorage).filter((key) => key.startsWith(prefix))) ?? [];
}

function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
