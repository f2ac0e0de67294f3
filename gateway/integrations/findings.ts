import { type ComponentHealth, KnotError } from '../lib/index.ts';

/** What was found out about a running tool, in the order in which it was asked. */
export type Findings = {
  found: ComponentHealth[];
  note(name: string, status: ComponentHealth['status'], message: string, remedy?: string): void;
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
