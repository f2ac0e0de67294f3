import type { AuthorizationRequest, Decision, RuleReference } from '../lib/index.ts';

export type PolicyProblem = {
  file: string;
  /** 1-based; 0 when the whole file is meant. */
  line: number;
  column: number;
  severity: 'error' | 'warning';
  kind: 'syntax' | 'schema' | 'case' | 'file';
  message: string;
  help?: string;
};

export type PolicyFile = { name: string; text: string; modifiedAt: number; rules: number };

export type PolicyStatus = {
  /** Short hash of the set in force. */
  version: string;
  loadedAt: number;
  /** False while the files on disk are not the set in force because of `problems`. */
  isCurrent: boolean;
  files: PolicyFile[];
  problems: PolicyProblem[];
  casesPassed: number;
};

export type Explanation = {
  decision: Decision;
  /** Every rule whose scope and conditions matched, also those that did not decide. */
  matched: RuleReference[];
  /** Rules of the same action and resource type that did not apply. */
  others: RuleReference[];
  /** Plain words: what would have to change. */
  hint: string;
};

export type Policy = {
  /** Synchronous and cached: the hot path. */
  decide(request: AuthorizationRequest): Decision;
  explain(request: AuthorizationRequest): Explanation;
  status(): PolicyStatus;
  /** Reads the folder now; swaps when it is valid, keeps the set in force when it is not. */
  reload(): Promise<PolicyStatus>;
  /** After each swap and each refused reload. */
  onReload(listener: (status: PolicyStatus) => void): () => void;
  close(): Promise<void>;
};
