/** What keeps an environment from being made, for people: one sentence and what to do. */
export type Problem = {
  /** Stable word for logs and tests. */
  kind:
    | 'python-missing'
    | 'python-old'
    | 'venv-missing'
    | 'npm-missing'
    | 'index'
    | 'index-certificate'
    | 'package'
    | 'does-not-fit'
    | 'conflict'
    | 'changed'
    | 'disk-full'
    | 'permission'
    | 'too-long'
    | 'other';
  message: string;
  remedy: string;
};

/** What an environment is for, so that the same problems are told in the words of whoever meets them. */
export type InstallWords = {
  /** Who asks for Python: `Notebooks need Python …`. */
  needs: string;
  /** `the Python packages of JupyterHub`. */
  packages: string;
  /** The list is known to be on PyPI: an index that has nothing of a name did not answer. */
  isProven: boolean;
  /** What a list that cannot be installed is put right by. */
  listRemedy: string;
  /** What whoever may not write does. */
  folderRemedy: string;
  /** What happens, or is to be done, once the cause is gone. */
  again: string;
};

/** What an installer says when something is wrong, and the same in plain words. */
export type Rule = { kind: Problem['kind']; pattern: RegExp; message: string; remedy: string };

/** No answer from an index of packages, in the words of Python and of Node.js. */
export const unreachable =
  /NewConnectionError|Connection refused|ConnectTimeoutError|ReadTimeoutError|Read timed out|name resolution|nodename nor servname|Network is unreachable|ProxyError|Connection broken|ConnectionResetError|Connection aborted|ProtocolError|Max retries exceeded|HTTP error 5\d\d|5\d\d (Server )?Error|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ERR_SOCKET_TIMEOUT|EHOSTUNREACH|ENETUNREACH/i;

/**
 * Says in plain words why an installation step failed, from what it printed and how it ended. The real cause stands anywhere in the
 * output, so the first rule that matches any of it is told. `said` is quoted: the line that says most.
 */
export function describeBy(
  rules: readonly Rule[],
  output: readonly string[],
  { reason, said, words }: { reason: string | undefined; said: string | undefined; words: InstallWords },
): Problem {
  const text = output.join('\n');
  const rule = rules.find(({ pattern }) => pattern.test(text));
  if (rule) return { kind: rule.kind, message: `${rule.message}${quote(said)}`, remedy: rule.remedy };
  if (reason === 'took too long') {
    return {
      kind: 'too-long',
      message: `Installing ${words.packages} took too long.`,
      remedy: `Check the network and the disk of the machine; what was downloaded is not fetched again. ${words.again}`,
    };
  }
  return {
    kind: 'other',
    message: `Installing ${words.packages} failed.${quote(said ?? (reason === undefined ? undefined : `The installer ${reason}.`))}`,
    remedy: `The log of the gateway has the whole output. ${words.again}`,
  };
}

/** What the system says of an error of this process, without the places on this machine. */
export function saidBySystem(error: unknown): string {
  let first = error;
  while (first instanceof Error && first.cause !== undefined) first = first.cause;
  const said = first instanceof Error ? first.message : String(first);
  return /^E[A-Z]+: [^,]+/.exec(said)?.[0] ?? said;
}

function quote(line: string | undefined): string {
  return line === undefined ? '' : ` (${line})`;
}

/** Addresses are cut to the host: that of an index may carry credentials, and a tile is seen by everybody. */
export const withoutAddresses = (line: string): string =>
  line.replace(/\b([a-z+]+:\/\/)(?:[^\s/@]*@)?([^\s/]+)\S*/gi, '$1$2').slice(0, 200);
