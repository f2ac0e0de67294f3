import type { Problem } from './python.ts';

type Rule = { kind: Problem['kind']; pattern: RegExp; message: string; remedy: string };

const triesAgain = 'Knot tries again by itself.';

/**
 * pip names the real cause in a warning or traceback somewhere in its output and often ends with a misleading line ("no matching
 * distribution found" when the index did not answer), so the rules look at everything, most telling first.
 */
const rules: readonly Rule[] = [
  {
    kind: 'disk-full',
    pattern: /No space left on device|Errno 28|Disk quota exceeded|Errno 122/i,
    message: 'The disk is full: the Python packages of JupyterHub (about 400 MB) do not fit into the data folder.',
    remedy: `Free some space, or choose another data folder with --data. ${triesAgain}`,
  },
  {
    kind: 'index-certificate',
    pattern: /CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|SSLError/i,
    message: 'The Python package index answered with a certificate that is not trusted here.',
    remedy: `Set PIP_CERT to the CA file of your network or proxy and start Knot again. ${triesAgain}`,
  },
  {
    kind: 'index',
    pattern:
      /NewConnectionError|Connection refused|ConnectTimeoutError|ReadTimeoutError|Read timed out|name resolution|nodename nor servname|Network is unreachable|ProxyError|Connection broken|ConnectionResetError|Connection aborted|ProtocolError|Max retries exceeded|HTTP error 5\d\d|5\d\d (Server )?Error|from versions: none/i,
    message: 'The Python package index cannot be reached.',
    remedy: `Check the network. Behind a proxy or with an index of your own set HTTPS_PROXY or PIP_INDEX_URL and start Knot again. ${triesAgain}`,
  },
  {
    kind: 'package',
    pattern: /No matching distribution found|Could not find a version|HTTP error 4\d\d|40[134] (Client )?Error/i,
    message: 'The Python package index does not have a package that JupyterHub needs.',
    remedy: `Use an index with all packages of PyPI (PIP_INDEX_URL), and a Python between 3.10 and 3.14. ${triesAgain}`,
  },
  {
    kind: 'permission',
    pattern: /Permission denied|Errno 13|Read-only file system|Errno 30/i,
    message: 'The folder for the Python packages of JupyterHub cannot be written.',
    remedy: `Give this account write access to the data folder, or to the one in integrations.jupyterhub.pythonEnvironment. ${triesAgain}`,
  },
  {
    kind: 'venv-missing',
    pattern: /ensurepip is not available|No module named '?(venv|ensurepip|pip)/i,
    message: 'The "venv" module of Python is missing or incomplete.',
    remedy: `Install it: apt install python3-venv (Debian, Ubuntu). ${triesAgain}`,
  },
];

/** Says in plain words why an installation step failed, from what Python or pip printed. */
export function describePipProblem(output: readonly string[], reason: string | undefined): Problem {
  const text = output.join('\n');
  const rule = rules.find(({ pattern }) => pattern.test(text));
  if (rule)
    return { kind: rule.kind, message: `${rule.message}${quote(lastMeaningfulLine(output))}`, remedy: rule.remedy };
  const said = lastMeaningfulLine(output) ?? (reason === undefined ? undefined : `The installer ${reason}.`);
  return {
    kind: 'other',
    message: `The Python packages of JupyterHub could not be installed.${quote(said)}`,
    remedy: `The log of the gateway has the whole output. ${triesAgain}`,
  };
}

function quote(line: string | undefined): string {
  return line === undefined ? '' : ` (${line})`;
}

/**
 * The last line that says something: pip's `ERROR:` lines, else the last of a traceback. Addresses are cut to the host, because an
 * index address may carry credentials and the tile is seen by everybody.
 */
export function lastMeaningfulLine(output: readonly string[]): string | undefined {
  const isNoise = (line: string) =>
    /^\s*(\[notice\]|WARNING: Retrying|hint:|note:|at |File "|\^|~)/i.test(line) || line.trim() === '';
  const lines = output.filter((line) => !isNoise(line));
  const line = lines.findLast((candidate) => /^(ERROR|error)[: ]/.test(candidate)) ?? lines.at(-1);
  return line
    ?.replace(/^(ERROR|error): /, '')
    .replace(/\b([a-z+]+:\/\/)(?:[^\s/@]*@)?([^\s/]+)\S*/gi, '$1$2')
    .slice(0, 200);
}
