import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TemplateProblem } from '../catalogue/index.ts';

const usualTimeoutMs = 30_000;
const mostBytes = 1024 * 1024;

/** `unchecked`: why Helm was not asked, or gave no answer. */
export type Lint = { problems: TemplateProblem[] } | { unchecked: string };

/**
 * Lets Helm read and render the templates of a chart (`helm lint`), and tells what is wrong by file. Values are not held against the
 * schema: Knot does that itself, and what it fills in need not be in it.
 */
export async function lintChart(helm: string, folder: string, timeoutMs = usualTimeoutMs): Promise<Lint> {
  const home = await mkdtemp(join(tmpdir(), 'knot-helm-'));
  try {
    return await lint(helm, folder, home, timeoutMs);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function lint(helm: string, folder: string, home: string, timeoutMs: number): Promise<Lint> {
  // No plugins, repositories or cluster of whoever calls: what is checked is what is in the folder.
  const env = { PATH: process.env['PATH'], HOME: home, KUBECONFIG: '/dev/null' };
  const args = ['lint', '--quiet', '--skip-schema-validation', folder];
  return new Promise((resolve) => {
    execFile(helm, args, { env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: mostBytes }, (error, stdout) => {
      const problems = problemsIn(stdout, basename(folder));
      if (error === null || problems.length > 0) return resolve({ problems });
      resolve({ unchecked: whyNot(error, timeoutMs) });
    });
  });
}

function whyNot(error: Error & { code?: unknown; killed?: boolean }, timeoutMs: number): string {
  if (error.code === 'ENOENT') return 'Helm is not installed, or not where kubernetes.helm of knot.yaml says';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'Helm says more than can be read';
  if (error.killed) return `Helm did not come to an end within ${timeoutMs / 1000} seconds`;
  return `Helm cannot check it: ${error.message.split('\n').at(-1) ?? ''}`;
}

const finding = /^\[(WARNING|ERROR)\] ([^:]+): (.*)$/;

/** What `helm lint` prints: a line for each finding, and indented lines that go on. */
function problemsIn(text: string, chart: string): TemplateProblem[] {
  const found: TemplateProblem[] = [];
  for (const line of text.split('\n')) {
    const [, severity, file, message] = finding.exec(line) ?? [];
    const last = found.at(-1);
    if (severity !== undefined) {
      found.push({ file: file!, severity: severity === 'ERROR' ? 'error' : 'warning', message: message! });
    } else if (last && !/^(==>|Error:|\d+ chart)/.test(line)) last.message = `${last.message} ${line.trim()}`.trim();
  }
  return found.map((problem) => placed(problem, chart));
}

/** Where in the templates it is, as far as Helm says. */
function placed(problem: TemplateProblem, chart: string): TemplateProblem {
  const start = `${chart}/`;
  const words = problem.message.split(' ');
  const place = words
    .map((word) => /^["(]?(.+\.(?:ya?ml|tpl|txt)):(\d+)(?::\d+)?["):]*$/.exec(word))
    .find((at) => at !== null);
  const [, file, line] = place ?? [];
  if (file === undefined || !file.startsWith(start)) return problem;
  return { ...problem, file: file.slice(start.length), line: Number(line) };
}
