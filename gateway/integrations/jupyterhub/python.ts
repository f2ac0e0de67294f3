import type { Supervisor } from '../../process/index.ts';
import { systemEnvironment } from '../../process/index.ts';

export type Python = { command: string; version: string; basePrefix: string };

/** What keeps the hub from running, for people: one sentence and what to do. */
export type Problem = {
  /** Stable word for logs and tests. */
  kind:
    | 'python-missing'
    | 'python-old'
    | 'venv-missing'
    | 'index'
    | 'index-certificate'
    | 'package'
    | 'disk-full'
    | 'permission'
    | 'other';
  message: string;
  remedy: string;
};

/** Python 3.10 is the oldest that jupyterlab 4.6 and oauthenticator 17 run on. */
const oldestMinor = 10;
const candidates = ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];

const question = `
import sys, json
from importlib.util import find_spec
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "basePrefix": getattr(sys, "base_prefix", sys.prefix),
  "hasVenv": bool(find_spec("venv") and find_spec("ensurepip"))}))
`;

/** Finds a Python that can make the environment of the hub, trying the usual names in the order of preference. */
export async function findPython(
  supervisor: Supervisor,
  facts: { searchPath: string; cwd: string; signal: AbortSignal },
): Promise<Python | Problem> {
  const env = { ...systemEnvironment(), PATH: facts.searchPath };
  const tooOld = new Set<string>();
  const withoutVenv = new Set<string>();
  for (const command of candidates) {
    const args = ['-I', '-c', question];
    const result = await supervisor.run({
      name: 'find-python',
      command,
      args,
      env,
      cwd: facts.cwd,
      signal: facts.signal,
      timeoutMs: 20_000,
    });
    const answer = result.code === 0 ? parseAnswer(result.output) : undefined;
    if (!answer) continue;
    const [major, minor] = answer.version.split('.').map(Number);
    if (major !== 3 || minor === undefined || minor < oldestMinor) tooOld.add(answer.version);
    else if (!answer.hasVenv) withoutVenv.add(`${major}.${minor}`);
    else return { command, version: answer.version, basePrefix: answer.basePrefix };
  }
  return describeAbsence([...tooOld], [...withoutVenv]);
}

function parseAnswer(output: readonly string[]): { version: string; basePrefix: string; hasVenv: boolean } | undefined {
  for (const line of output.toReversed()) {
    try {
      const answer: unknown = JSON.parse(line);
      if (
        typeof answer === 'object' &&
        answer !== null &&
        'version' in answer &&
        'basePrefix' in answer &&
        'hasVenv' in answer
      ) {
        return {
          version: String(answer.version),
          basePrefix: String(answer.basePrefix),
          hasVenv: answer.hasVenv === true,
        };
      }
    } catch {
      continue; // A line a site customization printed.
    }
  }
  return undefined;
}

function describeAbsence(tooOld: string[], withoutVenv: string[]): Problem {
  if (withoutVenv.length > 0) {
    return {
      kind: 'venv-missing',
      message: `Python ${withoutVenv.join(', ')} is here, but its "venv" module is not.`,
      remedy: `Install it: apt install python3-venv (Debian, Ubuntu), or the full Python of your system. ${triesAgain}`,
    };
  }
  if (tooOld.length > 0) {
    return {
      kind: 'python-old',
      message: `Notebooks need Python 3.${oldestMinor} or newer; found ${tooOld.join(', ')}.`,
      remedy: `Install a newer Python: apt install python3 python3-venv, dnf install python3, or brew install python. ${triesAgain}`,
    };
  }
  return {
    kind: 'python-missing',
    message: 'Notebooks need Python 3, which is not installed on this machine.',
    remedy: `Install it: apt install python3 python3-venv, dnf install python3, or brew install python. ${triesAgain}`,
  };
}

const triesAgain = 'Knot tries again by itself.';
