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
  /** Since when this version is in force, also before this process began. */
  loadedAt: number;
  /** False while the files on disk are not the set in force because of `problems`. */
  isCurrent: boolean;
  /** The files as last read. */
  files: PolicyFile[];
  problems: PolicyProblem[];
  /** Cases that the set in force has passed, whatever the files say now. */
  casesPassed: number;
};

/** The files of a reading, with how many rules each has. */
export function readFiles(
  snapshot: { files: readonly Omit<PolicyFile, 'rules'>[] },
  ruleCounts: ReadonlyMap<string, number>,
): PolicyFile[] {
  return snapshot.files.map(({ name, text, modifiedAt }) => ({
    name,
    text,
    modifiedAt,
    rules: ruleCounts.get(name) ?? 0,
  }));
}
