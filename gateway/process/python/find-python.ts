import { systemEnvironment } from '../environment.ts';
import type { Supervisor } from '../supervisor.ts';
import type { InstallWords, Problem } from '../problem.ts';

export type Python = {
  command: string;
  version: string;
  /** Folder of its installation, which everything made from it needs. */
  basePrefix: string;
  /** The program itself, behind links and starters. */
  executable: string;
  /** The pip that comes with it, as a wheel: it can be run from there. Empty where it is not found. */
  pip: string;
};

/** Python 3.10 is the oldest that what is installed here runs on (jupyterlab 4.6, oauthenticator 17). */
const oldestMinor = 10;
const candidates = ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];

const question = `
import glob, os, sys, json
from importlib.util import find_spec
def pip():
    try:
        import ensurepip
        folders = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"), getattr(ensurepip, "_WHEEL_PKG_DIR", None)]
        return next((wheel for folder in folders if folder for wheel in sorted(glob.glob(folder + "/pip-*.whl"))), "")
    except Exception:
        return ""
print(json.dumps({"pip": pip(), "version": "%d.%d.%d" % sys.version_info[:3], "basePrefix": getattr(sys, "base_prefix", sys.prefix),
  "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
  "hasVenv": bool(find_spec("venv") and find_spec("ensurepip"))}))
`;

/** Finds a Python that can make an environment, trying the usual names in the order of preference. */
export async function findPython(
  supervisor: Supervisor,
  facts: { searchPath: string; cwd: string; signal?: AbortSignal; words: InstallWords },
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
      ...(facts.signal && { signal: facts.signal }),
      timeoutMs: 20_000,
    });
    const answer = result.code === 0 ? parseAnswer(result.output) : undefined;
    if (!answer) continue;
    const [major, minor] = answer.version.split('.').map(Number);
    if (major !== 3 || minor === undefined || minor < oldestMinor) tooOld.add(answer.version);
    else if (!answer.hasVenv) withoutVenv.add(`${major}.${minor}`);
    else {
      const { hasVenv: _hasVenv, ...python } = answer;
      return { command, ...python };
    }
  }
  return describeAbsence([...tooOld], [...withoutVenv], facts.words);
}

type Answer = Omit<Python, 'command'> & { hasVenv: boolean };

function parseAnswer(output: readonly string[]): Answer | undefined {
  for (const line of output.toReversed()) {
    try {
      const { version, basePrefix, executable, hasVenv, pip = '' } = JSON.parse(line) as Partial<Answer>;
      if (typeof version === 'string' && typeof basePrefix === 'string' && typeof executable === 'string')
        return { version, basePrefix, executable, pip, hasVenv: hasVenv === true };
    } catch {
      continue; // A line a site customization printed.
    }
  }
  return undefined;
}

function describeAbsence(tooOld: string[], withoutVenv: string[], { needs, again }: InstallWords): Problem {
  if (withoutVenv.length > 0) {
    return {
      kind: 'venv-missing',
      message: `Python ${withoutVenv.join(', ')} is here, but its "venv" module is not.`,
      remedy: `Install it: apt install python3-venv (Debian, Ubuntu), or the full Python of your system. ${again}`,
    };
  }
  if (tooOld.length > 0) {
    return {
      kind: 'python-old',
      message: `${needs} Python 3.${oldestMinor} or newer; found ${tooOld.join(', ')}.`,
      remedy: `Install a newer Python: apt install python3 python3-venv, dnf install python3, or brew install python. ${again}`,
    };
  }
  return {
    kind: 'python-missing',
    message: `${needs} Python 3, which is not installed on this machine.`,
    remedy: `Install it: apt install python3 python3-venv, dnf install python3, or brew install python. ${again}`,
  };
}
