import type { DetailedError } from '@cedar-policy/cedar-wasm/nodejs';
import { type Action, type ResourceType, shareRights } from '../lib/index.ts';
import type { Cedar } from './cedar.ts';
import { resourceAttributes } from './request.ts';
import type { SourceFile } from './folder.ts';
import { positionOfByte } from './position.ts';
import type { Rule } from './rules.ts';
import type { PolicyProblem } from './status.ts';

/** What Knot asks for on what. The schema must allow each of these questions. */
export const questions: Readonly<Record<Action, readonly ResourceType[]>> = {
  open: ['Integration', 'Service'],
  view: ['Integration', 'Service'],
  launch: ['Namespace'],
  manage: ['Namespace', 'Service', 'FileArea'],
  share: ['Service', 'FileArea'],
  see: ['Namespace', 'Service', 'FileArea'],
  stop: ['Service'],
  remove: ['Service', 'FileArea'],
  reach: ['Service'],
  listFiles: ['FileArea'],
  readFiles: ['FileArea'],
  writeFiles: ['FileArea'],
  addFiles: ['FileArea'],
  readMetrics: ['Namespace', 'Platform'],
  administer: ['Platform'],
  impersonate: ['Platform'],
};

const checkId = 'knot-schema-check';

/** Checks that the schema parses and that it describes the facts which Knot sends. */
export function checkSchema(cedar: Cedar, source: SourceFile): PolicyProblem[] {
  const answer = cedar.preparseSchema(checkId, source.text);
  if (answer.type === 'failure') return answer.errors.flatMap((error) => schemaProblems(source, error));
  return mismatches(cedar, source);
}

/** Puts each question Knot may ask to the prepared schema. */
function mismatches(cedar: Cedar, source: SourceFile): PolicyProblem[] {
  cedar.preparsePolicySet(checkId, { staticPolicies: {} });
  const messages = new Set<string>();
  for (const [action, types] of Object.entries(questions) as [Action, readonly ResourceType[]][]) {
    for (const type of types) {
      const id = type === 'Platform' ? 'knot' : 'x';
      const answer = cedar.statefulIsAuthorized({
        principal: { type: 'User', id: 'x' },
        action: { type: 'Action', id: action },
        resource: { type, id },
        context: {
          method: 'GET',
          host: 'x',
          path: '/',
          isUpgrade: false,
          address: { __extn: { fn: 'ip', arg: '::1' } },
        },
        preparsedPolicySetId: checkId,
        preparsedSchemaName: checkId,
        validateRequest: true,
        entities: [
          {
            uid: { type: 'User', id: 'x' },
            attrs: { username: 'x', email: 'x', isAdmin: false, state: 'active' },
            parents: [
              { type: 'Role', id: 'user' },
              { type: 'Role', id: 'admin' },
              { type: 'Team', id: 'x' },
              { type: 'Managers', id: 'x' },
              ...shareRights.map((right) => ({ type: 'Share', id: right })),
            ],
          },
          {
            uid: { type, id },
            attrs: resourceAttributes({ type, id, attributes: { team: 'x' } }),
            parents: placesIn(type),
          },
        ],
      });
      if (answer.type === 'failure')
        for (const error of answer.errors) messages.add(`${error.message} (${action}, ${type})`);
    }
  }
  return [...messages].map((message) => ({
    file: source.name,
    line: 0,
    column: 0,
    severity: 'error',
    kind: 'schema',
    message: `the schema does not fit what Knot asks: ${message}`,
    help: 'types, actions and attributes of the shipped schema must stay; add only optional attributes',
  }));
}

function placesIn(type: ResourceType): { type: string; id: string }[] {
  const place = { type: 'Namespace', id: 'x' };
  if (type === 'Service') return [{ type: 'Integration', id: 'x' }, place];
  return type === 'FileArea' ? [place] : [];
}

/** Strict validation of rules that parse against a schema that parses. Cedar's warnings ("policy is impossible") refuse the set too. */
export function checkRules(cedar: Cedar, schema: SourceFile, rules: readonly Rule[]): PolicyProblem[] {
  const answer = cedar.validate({
    validationSettings: { mode: 'strict' },
    schema: schema.text,
    policies: { staticPolicies: Object.fromEntries(rules.map((rule) => [rule.key, rule.text])) },
  });
  if (answer.type === 'failure') return answer.errors.flatMap((error) => schemaProblems(schema, error));
  const byKey = new Map(rules.map((rule) => [rule.key, rule]));
  const problems = new Map<string, PolicyProblem>();
  for (const { policyId, error } of [...answer.validationErrors, ...answer.validationWarnings]) {
    const rule = byKey.get(policyId);
    if (!rule) continue;
    const start = rule.startByte + (error.sourceLocations?.[0]?.start ?? 0);
    const place = `${rule.source.name}:${start}`;
    // One expression is checked for each type it may meet; one message is enough, the one with a suggestion if there is one.
    if (problems.has(place) && (problems.get(place)?.help !== undefined || !error.help)) continue;
    problems.set(place, {
      file: rule.source.name,
      ...positionOfByte(rule.source.text, start),
      severity: 'error',
      kind: 'schema',
      message: error.message.replace(/^for policy `[^`]*`[,:] /, ''),
      ...(error.help ? { help: error.help } : {}),
    });
  }
  const others = answer.otherWarnings.flatMap((warning) => schemaProblems(schema, warning));
  return [...problems.values(), ...others.map((problem) => ({ ...problem, severity: 'warning' as const }))];
}

function schemaProblems(source: SourceFile, error: DetailedError): PolicyProblem[] {
  const place = error.sourceLocations?.[0];
  const message = error.message
    .replace(/^failed to parse schema from string: /, '')
    .replace(/^error parsing schema: /, '');
  return [
    {
      file: source.name,
      ...(place ? positionOfByte(source.text, place.start) : { line: 0, column: 0 }),
      severity: 'error',
      kind: 'schema',
      message: place?.label ? `${message}, ${place.label}` : message,
      ...(error.help ? { help: error.help } : {}),
    },
    ...(error.related ?? []).flatMap((related) => schemaProblems(source, related)),
  ];
}
