export type PolicyProblem = {
  /** Relative to the policies folder; '' when the folder itself is meant. */
  file: string;
  /** 1-based; 0 when the whole file is meant. */
  line: number;
  /** 1-based, in characters; 0 when the whole file is meant. */
  column: number;
  severity: 'error' | 'warning';
  kind: 'syntax' | 'schema' | 'case' | 'file';
  message: string;
  help?: string;
};

/** A file as it was last read from the folder (problems point into this text, whether or not it is in force). */
export type PolicyFile = { name: string; text: string; modifiedAt: number; rules: number };

export type PolicyStatus = {
  /** Short hash of the set in force; `fallback` while none of the folder's was ever valid. */
  version: string;
  loadedAt: number;
  /** False while the files on disk are not the set in force because of `problems`. */
  isCurrent: boolean;
  /** The files as last read. */
  files: PolicyFile[];
  problems: PolicyProblem[];
  /** Cases passed by the files as last read. */
  casesPassed: number;
};
