import type { Action, AuthorizationRequest, Decision, Principal, Resource } from '../lib/index.ts';
import { groupsOf, platform, shareRights } from '../lib/index.ts';
import { createReader, type Node, type Reader } from './case-reader.ts';
import type { SourceFile } from './folder.ts';
import type { Position } from './position.ts';
import { questions } from './schema.ts';
import type { PolicyProblem } from './status.ts';

/** One question with the verdict it must get. A case of the file with lists stands for every combination. */
export type Case = {
  source: SourceFile;
  position: Position;
  sentence: string;
  request: AuthorizationRequest;
  expect: 'allow' | 'deny';
  /** Name of the rule that must have decided, if the case names one. */
  rule?: string;
};

const actions = Object.keys(questions) as Action[];
const types = ['Platform', 'Integration', 'Service', 'Namespace', 'FileArea'] as const;
const states = ['pending', 'active', 'disabled', 'guest'] as const;
/** Of the whole folder, combinations included: about two seconds of work. */
const maxCases = 10_000;
/** People, and things, of one file. */
const maxNames = 1_000;

/**
 * Reads a `*.cases.yaml` file; its form is described in `policies/README.md`. `budget` counts the cases of all files: what a
 * case with lists comes to is multiplied out before it is built.
 */
export function parseCases(
  source: SourceFile,
  budget: { cases: number },
): { cases: Case[]; problems: PolicyProblem[] } {
  const reader = createReader(source);
  const root = reader.map(reader.root(), ['people', 'resources', 'cases'], 'the file');
  const named = (node: Node): [string, Node][] => {
    const entries = reader.entries(node);
    if (entries.length <= maxNames) return entries;
    reader.complain(node, `the file describes more than ${maxNames} people or things`);
    return [];
  };
  const people = new Map(named(root['people']).map(([name, node]) => [name, readPerson(reader, name, node)]));
  const resources = new Map<string, Resource>([['platform', platform]]);
  for (const [name, node] of named(root['resources'])) resources.set(name, readResource(reader, name, node));
  const cases: Case[] = [];
  for (const node of reader.list(root['cases'])) {
    const fields = reader.map(
      node,
      ['name', 'who', 'action', 'resource', 'shared', 'expect', 'rule', 'context'],
      'a case',
    );
    const lengths = [fields['who'], fields['action'], fields['resource']].map(reader.countOf);
    budget.cases += lengths.reduce((product, length) => product * Math.max(1, length), 1);
    if (budget.cases > maxCases) {
      reader.complain(node, `the folder holds more than ${maxCases} cases, with this one`, 'who × action × resource');
      break;
    }
    for (const one of readCase(reader, source, node, fields, people, resources)) cases.push(one);
  }
  return reader.problems.length > 0 ? { cases: [], problems: reader.problems } : { cases, problems: [] };
}

function readPerson(reader: Reader, username: string, node: Node): Principal {
  const fields = reader.map(node, ['admin', 'state', 'teams', 'manages', 'email'], `person "${username}"`);
  const isAdmin = reader.boolean(fields['admin']) ?? false;
  const manages = reader.texts(fields['manages']);
  const teams = [...new Set([...reader.texts(fields['teams']), ...manages])];
  const state = reader.oneOf(fields['state'], states) ?? 'active';
  return {
    id: `case:${username}`,
    // A guest has none; the file calls them something all the same.
    username: state === 'guest' ? '' : username,
    email: reader.text(fields['email']) ?? `${username}@example.org`,
    isAdmin,
    state,
    teams: teams.map((name) => ({ name, role: manages.includes(name) ? 'manager' : 'member' })),
    groups: groupsOf(username, isAdmin, teams),
    version: 1,
  };
}

function readResource(reader: Reader, name: string, node: Node): Resource {
  const fields = reader.map(
    node,
    ['type', 'id', 'name', 'title', 'audience', 'owner', 'team', 'integration'],
    `resource "${name}"`,
  );
  const type = reader.oneOf(reader.required(fields['type'], node, 'type'), types) ?? 'Integration';
  const attributes: Resource['attributes'] = {};
  for (const attribute of ['name', 'title', 'audience', 'owner'] as const) {
    const value = reader.text(fields[attribute]);
    if (value !== undefined) attributes[attribute] = value;
  }
  const team = reader.text(fields['team']);
  // A team is an owner under its own name.
  if (team !== undefined) Object.assign(attributes, { team, owner: team });
  const integration = reader.text(fields['integration']);
  return {
    type,
    id: reader.text(fields['id']) ?? name,
    attributes,
    ...(integration === undefined ? {} : { parent: { type: 'Integration', id: integration } }),
  };
}

function readCase(
  reader: Reader,
  source: SourceFile,
  node: Node,
  fields: Record<string, Node>,
  people: ReadonlyMap<string, Principal>,
  resources: ReadonlyMap<string, Resource>,
): Case[] {
  const name = reader.text(fields['name']);
  const who = reader.references(reader.required(fields['who'], node, 'who'), people, 'person', 'people');
  const what = reader.references(
    reader.required(fields['resource'], node, 'resource'),
    resources,
    'resource',
    'resources',
  );
  const acts = reader.someOf(reader.required(fields['action'], node, 'action'), actions);
  const expect = reader.oneOf(reader.required(fields['expect'], node, 'expect'), ['allow', 'deny'] as const) ?? 'deny';
  const rule = reader.text(fields['rule']);
  const shared = fields['shared'] === undefined ? undefined : reader.someOf(fields['shared'], shareRights);
  const context = readContext(reader, fields['context']);
  const position = reader.positionOf(node);
  return who.flatMap(([person, principal]) =>
    acts.flatMap((action) =>
      what.map(([thing, resource]): Case => {
        if (!questions[action].includes(resource.type)) {
          reader.complain(
            node,
            `\`${action}\` is never asked on a ${resource.type}`,
            `it is asked on ${questions[action].join(' and ')}`,
          );
        }
        const sentence = `${name === undefined ? '' : `${name}: `}${person} ${action} ${thing}`;
        const request = { principal, action, resource, context, ...(shared && { shared }) };
        return { source, position, sentence, request, expect, ...(rule === undefined ? {} : { rule }) };
      }),
    ),
  );
}

function readContext(reader: Reader, node: Node): AuthorizationRequest['context'] {
  const fields = reader.map(node, ['method', 'host', 'path', 'address', 'isUpgrade'], 'context');
  return {
    method: reader.text(fields['method']) ?? 'GET',
    host: reader.text(fields['host']) ?? 'example.localhost',
    path: reader.text(fields['path']) ?? '/',
    address: reader.address(fields['address']) ?? '192.0.2.1',
    isUpgrade: reader.boolean(fields['isUpgrade']) ?? false,
  };
}

/** The problem of a case that did not get its verdict. */
export function judge(one: Case, decision: Decision): PolicyProblem | undefined {
  const rules = decision.rules
    .map((reference) => `\`${reference.rule}\` (${reference.file}:${reference.line})`)
    .join(', ');
  const because = rules === '' ? `(${reasons[decision.reason] ?? decision.reason})` : `by ${rules}`;
  const isVerdictRight = decision.effect === one.expect;
  if (isVerdictRight && (one.rule === undefined || decision.rules.some(({ rule }) => rule === one.rule)))
    return undefined;
  const message = isVerdictRight
    ? `${one.sentence}: expected rule \`${one.rule}\` to decide, got ${decision.effect} ${because}`
    : `${one.sentence}: expected ${one.expect}, got ${decision.effect} ${because}`;
  const { line, column } = one.position;
  return { file: one.source.name, line, column, severity: 'error', kind: 'case', message };
}

const reasons: Record<string, string> = {
  no_permit: 'no rule permits it',
  evaluation_error: 'a rule could not be evaluated',
  too_long: 'a text of the request is too long for the patterns of the rules',
};
