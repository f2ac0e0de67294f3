import type { Cause } from '../service.ts';
import { sayRefusal } from './say-refusal.ts';
import type { HelmFailure } from './helm.ts';
import { allowed } from './judge.ts';

type Row = { code: string; matches: RegExp; what(found: RegExpExecArray): string; remedy: string };

const changeTemplate = 'Whoever keeps the template can correct it.';

const rows: readonly Row[] = [
  {
    code: 'name-taken',
    matches: /([A-Z][A-Za-z]{1,40}) "([a-z0-9.-]{1,253})" in namespace "[a-z0-9-]+" exists and cannot be imported/,
    what: ([, kind, name]) =>
      `There is a ${kind} called ${name} among what you have already, and it is not of this service.`,
    remedy: 'Choose another name for the service, or remove what is in its place.',
  },
  {
    code: 'hook',
    matches:
      /((?:pre|post)-(?:install|upgrade|rollback|delete)) hooks? failed|failed (?:pre|post)-(?:install|upgrade|rollback|delete)/i,
    what: () => 'A task that its template runs before or after the start did not end well.',
    remedy: 'Its last lines may say why; correct its values and start it again.',
  },
  {
    code: 'immutable',
    matches: /field is immutable|updates to statefulset spec for fields other than/i,
    what: () => 'It changes something that cannot be changed once it is there.',
    remedy: 'Remove the service and launch it anew; what is in your files stays.',
  },
  {
    code: 'too-large',
    matches: /Request entity too large|must have at most 1048576 (?:bytes|characters)|Too long: must have at most/i,
    what: () => 'It is larger than the cluster keeps of one thing.',
    remedy: changeTemplate,
  },
  {
    code: 'template',
    matches: /(?:parse error at \(|^Error: |template: )([\w./-]{1,200}):(\d+)/,
    what: ([, file, line]) => `Its template has a mistake in ${file} on line ${line}.`,
    remedy: changeTemplate,
  },
];

/** What Helm said, in plain words. Never what it said itself: it may hold addresses and values. */
export function sayHelm(failure: HelmFailure, doing: 'render' | 'apply'): Cause {
  switch (failure.kind) {
    case 'slow':
      return {
        code: 'slow-steps',
        what:
          doing === 'render' ? 'Its template takes too long to render.' : 'What it starts with did not end in time.',
        remedy: doing === 'render' ? changeTemplate : 'A task of its template may hang; its last lines may say where.',
      };
    case 'large':
      return { code: 'too-large', what: `It cannot be rendered: ${failure.message}.`, remedy: changeTemplate };
    case 'ended':
      return { code: 'ended', what: 'It was ended before it was done.', remedy: 'Start it again.' };
    case 'refused':
      return sayText(failure.message) ?? unknown(doing);
  }
}

function sayText(text: string): Cause | undefined {
  // An author's own words: `fail` and `required` of a template.
  const own = /execution error at \([^)]*\): (.{1,300})/.exec(text)?.[1];
  if (own !== undefined)
    return { code: 'template', what: `Its template says: ${own.trim()}`, remedy: 'Correct the values it names.' };
  const [, kind, version] = /no matches for kind "([A-Za-z]{1,60})" in version "([a-z0-9./-]{1,120})"/.exec(text) ?? [];
  if (kind !== undefined && version !== undefined) return sayUnknownKind(kind, version);
  const refusal = sayRefusal(text);
  if (refusal !== undefined) return refusal;
  for (const { code, matches, what, remedy } of rows) {
    const found = matches.exec(text);
    if (found !== null) return { code, what: what(found), remedy };
  }
  return undefined;
}

/**
 * Of something that the cluster does not know Helm says so before Knot has judged it: what a service may not have anyway, no definition
 * would help.
 */
function sayUnknownKind(kind: string, version: string): Cause {
  const may = allowed(kind);
  if ('why' in may) return { code: 'refused', what: `The ${kind} in its template ${may.why}.`, remedy: withoutIt };
  if (!may.versions.includes(version))
    return {
      code: 'kind-missing',
      what: `Its template has a ${kind} of the version ${version}, which the cluster does not know.`,
      remedy: `Whoever keeps the template can write it as ${may.versions[0]}.`,
    };
  return {
    code: 'kind-missing',
    what: `The cluster does not know the kind ${kind} (${version}).`,
    remedy:
      'An administrator of the cluster installs what defines it (CRD); then start it again. Or the template does without: to be reached, a Service with a port "http" is enough.',
  };
}

const withoutIt = 'Whoever keeps the template can leave it out; other values may turn it off.';

const unknown = (doing: 'render' | 'apply'): Cause => ({
  code: 'helm',
  what: doing === 'render' ? 'Its template cannot be rendered.' : 'The cluster did not take it.',
  remedy: 'Start it again; if that does not help, an administrator finds the reason in the log.',
});
