import { knotError } from '../lib/index.ts';

/** What a token may be used for. `write` includes `read`. */
export const scopeSubjects = [
  'account',
  'files',
  'shares',
  'services',
  'metrics',
  'kubernetes',
  'workflows',
  'teams',
  'admin',
] as const;
export type ScopeSubject = (typeof scopeSubjects)[number];
export type ScopeAct = 'read' | 'write';

/** `files:read`, `files:write:team:physics`, `admin:read`, …; an area narrows `files` alone. */
export type Scope = { subject: ScopeSubject; act: ScopeAct; area?: string };

const pattern =
  /^(account|files|shares|services|metrics|kubernetes|workflows|teams|admin):(read|write)(?::(private|shared|admin|team:[a-z][a-z0-9]{0,29}))?$/;

/** In words for people, beside each box. */
export const scopeWords: Readonly<Record<ScopeSubject, string>> = {
  account: 'who I am, my teams and tools',
  files: 'files',
  shares: 'what I share with others',
  services: 'what I and my teams run',
  metrics: 'what is measured of what I and my teams run',
  kubernetes: 'the namespaces of mine and my teams in the cluster',
  workflows: 'workflows of mine and my teams',
  teams: 'who is in the teams I manage',
  admin: 'everything an administrator may do',
};

/** @throws KNOT_TOKENS_SCOPE for what is none */
export function parseScope(text: string): Scope {
  const [, subject, act, area] = pattern.exec(text) ?? [];
  if (subject === undefined || act === undefined || (area !== undefined && subject !== 'files')) {
    throw knotError('KNOT_TOKENS_SCOPE', 400, 'A scope is not one that tokens can have.', {
      remedy: `Use ${scopeSubjects.join(', ')}, each with :read or :write; files may name an area, as files:read:team:physics.`,
      details: { problems: [{ field: 'scopes', message: 'is not a scope' }] },
    });
  }
  return { subject: subject as ScopeSubject, act: act as ScopeAct, ...(area === undefined ? {} : { area }) };
}

/**
 * Whether scopes allow an act on a subject. Without an area the question is about the subject as such: may it be used for some
 * of it? Whoever asks so must ask again with the area.
 */
export function scopeAllows(scopes: readonly Scope[], subject: ScopeSubject, act: ScopeAct, area?: string): boolean {
  return scopes.some(
    (scope) =>
      scope.subject === subject &&
      (scope.act === act || scope.act === 'write') &&
      (area === undefined || scope.area === undefined || scope.area === area),
  );
}
