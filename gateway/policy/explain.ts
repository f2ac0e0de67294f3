import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import {
  type AuthorizationRequest,
  createSlices,
  type Decision,
  type RuleReference,
  shareRights,
} from '../lib/index.ts';
import { type Engine, engineFailed, tooLong } from './engine.ts';

export type Explanation = {
  decision: Decision;
  /** Every rule whose scope and conditions matched, also those that did not decide. */
  matched: RuleReference[];
  /** Rules of the same action and resource type that did not apply. */
  others: RuleReference[];
  /** Plain words: what would have to change. */
  hint: string;
};

/** Explains a decision that was just made by this engine for this request, a few milliseconds at a time. */
export async function explain(engine: Engine, request: AuthorizationRequest, decision: Decision): Promise<Explanation> {
  // A rule whose scope names another action or type does not apply, whoever asks: it need not be parsed.
  const rules = engine.set.rules.filter((rule) => isAbout(rule.json, request));
  const matched = await engine.match(request, rules);
  const applies = new Set(matched);
  const others = rules.filter((rule) => !applies.has(rule));
  return {
    decision,
    matched: matched.map((rule) => rule.reference),
    others: others.map((rule) => rule.reference),
    hint: await hintOf(engine, request, decision),
  };
}

async function hintOf(engine: Engine, request: AuthorizationRequest, decision: Decision): Promise<string> {
  const { principal, action, resource } = request;
  const question = `\`${action}\` on ${resource.type} ${resource.id} for ${principal.username}`;
  const deciders = decision.rules.map(nameOf);
  if (decision.effect === 'allow') return `${listOf(deciders)} ${permits(deciders.length)} ${question}.`;
  if (decision.reason === 'evaluation_error') {
    const which = deciders.length === 0 ? 'The request' : listOf(deciders);
    return `${which} could not be evaluated, so ${question} is denied.`;
  }
  if (decision.reason === tooLong) {
    return `The request holds a text that is too long for the patterns of the rules, so ${question} is denied. A shorter address is judged.`;
  }
  if (decision.reason === engineFailed) {
    return `The policy engine failed and was replaced, so ${question} was denied. Ask again.`;
  }
  if (decision.reason === 'not_loaded') {
    return `The policy files are not valid, so everything but the admin pages is denied, also ${question}. Correct the files.`;
  }
  const verdict =
    decision.reason === 'forbid'
      ? `${listOf(deciders)} ${deciders.length === 1 ? 'forbids' : 'forbid'} ${question}.`
      : `No rule permits ${question}.`;
  return [verdict, ...(await waysOut(engine, request))].join(' ');
}

const maxWays = 3;
const maxTeams = 50;
/** What is spent on suggestions: a large set gets fewer of them. */
const maxMs = 500;

/** Tries what could be different about the person or the resource, one thing at a time, and says what would then be allowed. */
async function waysOut(engine: Engine, request: AuthorizationRequest): Promise<string[]> {
  const { principal, resource } = request;
  const who = principal.username;
  const changes: [condition: string, changed: AuthorizationRequest][] = [];
  const person = (condition: string, change: Partial<AuthorizationRequest['principal']>): void =>
    void changes.push([condition, { ...request, principal: { ...principal, ...change } }]);
  const thing = (condition: string, change: AuthorizationRequest['resource']['attributes']): void => {
    const attributes = { ...resource.attributes, ...change };
    changes.push([condition, { ...request, resource: { ...resource, attributes } }]);
  };

  if (principal.state !== 'active') person(`the account of ${who} were active`, { state: 'active' });
  const { team } = resource.attributes;
  const named = [...engine.set.facts.teams].sort().slice(0, maxTeams);
  for (const name of team === undefined || named.includes(team) ? named : [team, ...named]) {
    if (principal.teams.some((team) => team.name === name)) continue;
    person(`${who} were in Team ${name}`, { teams: [...principal.teams, { name, role: 'member' }] });
  }
  const { owner, audience } = resource.attributes;
  // Servers inside a tool are not Knot's to share.
  if (owner !== undefined && resource.parent === undefined) {
    for (const right of shareRights) {
      changes.push([`it were shared with ${who}: ${right}`, { ...request, shared: [right] }]);
    }
  }
  if (owner !== undefined && owner !== '' && owner !== who) thing(`${who} owned it`, { owner: who });
  if (audience === 'admins') thing('its audience were everyone', { audience: 'everyone' });
  if (!principal.isAdmin) person(`${who} were in Role admin`, { isAdmin: true });

  const ways: string[] = [];
  const between = createSlices();
  let spentMs = 0;
  for (const [condition, changed] of changes) {
    const startedAt = performance.now();
    const { effect, rules } = engine.decide(changed);
    spentMs += performance.now() - startedAt;
    if (effect === 'allow') ways.push(`${listOf(rules.map(nameOf))} would permit it if ${condition}.`);
    if (ways.length === maxWays || spentMs > maxMs) break;
    await between();
  }
  return ways.length > 0
    ? ways
    : ['No single change of account, team or role would; a rule has to be written or changed.'];
}

function nameOf({ rule, file, line }: RuleReference): string {
  return `\`${rule}\` (${file}:${line})`;
}

function listOf(names: readonly string[]): string {
  if (names.length <= 1) return `Rule ${names[0] ?? ''}`;
  return `Rules ${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

const permits = (count: number): string => (count === 1 ? 'permits' : 'permit');

/** Whether the scope of a rule speaks of this action and this type of resource. */
function isAbout({ action, resource }: PolicyJson, request: AuthorizationRequest): boolean {
  return isAboutAction(action, request.action) && isAboutResource(resource, request.resource.type);
}

type Uid = { type: string; id: string } | { __entity: { type: string; id: string } };

function isAboutAction(scope: PolicyJson['action'], action: string): boolean {
  if (scope.op === 'All') return true;
  const entities: Uid[] = 'entities' in scope ? scope.entities : 'entity' in scope ? [scope.entity] : [];
  return entities.some((entity) => plainUid(entity).id === action);
}

function isAboutResource(scope: PolicyJson['resource'], type: string): boolean {
  if (scope.op === 'is') return scope.entity_type === type;
  if (scope.op === '==' && 'entity' in scope) return plainUid(scope.entity).type === type;
  return true;
}

function plainUid(uid: Uid): { type: string; id: string } {
  return '__entity' in uid ? uid.__entity : uid;
}
