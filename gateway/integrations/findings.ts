import { type ComponentHealth, KnotError, printable } from '../lib/index.ts';

/** What was found out about a running tool, in the order in which it was asked. */
export type Findings = {
  found: ComponentHealth[];
  note(name: string, status: ComponentHealth['status'], message: string, remedy?: string): void;
  /** Notes what answers, which is something else where it says nothing of itself (no `body`): false then. */
  answered<T>(
    tool: { name: string; title: string },
    body: T | undefined,
    versionOf: (body: T) => string | undefined,
  ): body is T;
  /** Undefined once it was noted why something could not be asked. */
  tried<T>(name: string, work: () => Promise<T>): Promise<T | undefined>;
};

export function createFindings(): Findings {
  const found: ComponentHealth[] = [];
  const note: Findings['note'] = (name, status, message, remedy) =>
    void found.push({ name, status, message, ...(remedy !== undefined && { remedy }) });
  return {
    found,
    note,
    answered<T>(
      { name, title }: { name: string; title: string },
      body: T | undefined,
      versionOf: (body: T) => string | undefined,
    ): body is T {
      if (body === undefined) {
        const remedy = `See that integrations.${name}.upstream is its address.`;
        note('answers', 'failed', `What answers is not ${title}: it says nothing of itself.`, remedy);
        return false;
      }
      const shown = printable(String(versionOf(body) ?? '')).slice(0, 40);
      note('answers', 'ok', [title, ...(shown === '' ? [] : [shown]), 'answers.'].join(' '));
      return true;
    },
    async tried(name, work) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof KnotError)) throw error;
        note(name, 'failed', error.message, error.remedy);
        return undefined;
      }
    },
  };
}
