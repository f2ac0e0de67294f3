import type { PatchStep } from '../../gateway/admission/index.ts';

/** Applies a JSON Patch of `add` and `replace` (RFC 6902) to a copy; throws where a real one would not apply. */
export function applyPatch<T>(document: T, patch: readonly PatchStep[]): T {
  const copy = structuredClone(document);
  for (const { op, path, value } of patch) {
    const parts = path
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = parts.pop()!;
    let parent: unknown = copy;
    for (const part of parts) {
      parent = (parent as Record<string, unknown>)[part];
      if (typeof parent !== 'object' || parent === null) throw new Error(`nothing stands at ${path}`);
    }
    const fresh = structuredClone(value);
    if (Array.isArray(parent) && last === '-') {
      if (op !== 'add') throw new Error(`nothing stands at ${path}`);
      parent.push(fresh);
    } else if (Array.isArray(parent) && op === 'add') {
      if (Number(last) > parent.length) throw new Error(`nothing stands before ${path}`);
      parent.splice(Number(last), 0, fresh);
    } else {
      if (op === 'replace' && !Object.hasOwn(parent as object, last)) throw new Error(`nothing stands at ${path}`);
      Object.defineProperty(parent, last, { value: fresh, enumerable: true, configurable: true, writable: true });
    }
  }
  return copy;
}
