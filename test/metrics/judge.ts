import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { goProgram } from '../support/process/go-programs.ts';

/** What came from a person, and what Knot makes of it: null where it refuses. */
export type Question = {
  parameter: 'query' | 'match[]';
  came: string[];
  sent: string[] | null;
  /** Whose series may be read: two at least, in the order of their bytes. */
  names: readonly string[];
};
type Side = { error?: string; texts?: string[]; selectors?: string[][] };
/** What prom-label-proxy makes of the same, and how Prometheus' own parser reads what Knot made. */
export type Judgement = { proxied: Side; ours: Side };

export type Judge = (questions: readonly Question[]) => Promise<Judgement[]>;

/** Prometheus' own parser and prom-label-proxy, built from `module` (`module/main.go` says how it judges). */
export async function openJudge(): Promise<Judge | { skip: string }> {
  const file = await goProgram('promql-judge', join(import.meta.dirname, 'module'));
  if (typeof file !== 'string') return file;
  return async (questions) => {
    const child = spawn(file, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(questions.map((question) => `${JSON.stringify({ ...question, label: 'namespace' })}\n`).join(''));
    const answers = (await text(child.stdout)).trimEnd().split('\n');
    if (answers.length !== questions.length) throw new Error(`${answers.length} of ${questions.length} were judged`);
    return answers.map((answer) => JSON.parse(answer) as Judgement);
  };
}
