/** What keeps an environment from being made, for people: one sentence and what to do. */
export type Problem = {
  /** Stable word for logs and tests. */
  kind:
    | 'python-missing'
    | 'python-old'
    | 'venv-missing'
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
