import { resolve } from 'node:path';
import { explainDecision, explainUrl } from '../app/index.ts';
import { loadConfig } from '../config/index.ts';
import { denialIdPattern } from '../denials/index.ts';
import { knotError, printable, type RuleReference } from '../lib/index.ts';
import { checkFolder, formatProblems } from '../policy/index.ts';
import { type Command, type Invocation, required } from './command.ts';
import { withFacts } from './facts.ts';

async function check(invocation: Invocation): Promise<void> {
  const [folder] = invocation.positionals;
  const target = folder === undefined ? loadConfig(invocation.settings).config.policies : resolve(folder);
  const status = await checkFolder(target);
  if (status.problems.length > 0) {
    invocation.streams.stderr.write(`${formatProblems(status.problems)}\n`);
    throw knotError('KNOT_CLI_POLICY_INVALID', 422, `The policies in ${target} would be refused.`, {
      remedy: 'Correct the lines above; the set in force is not touched.',
    });
  }
  const rules = status.files.reduce((sum, file) => sum + file.rules, 0);
  invocation.streams.stdout.write(
    `${target}: ${rules} rules are valid, ${status.casesPassed} cases pass (version ${status.version}).\n`,
  );
}

const name = ({ rule, file, line, effect }: RuleReference): string =>
  `  ${effect.padEnd(6)} ${rule}  ${printable(file)}:${line}\n`;

async function explainId(invocation: Invocation, id: string): Promise<void> {
  const answer = await withFacts(invocation, (facts, config) => explainDecision(facts, config, id));
  if (invocation.options['json'] === true) {
    invocation.streams.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  const { decision, now } = answer;
  invocation.streams.stdout.write(
    [
      `DENY  ${answer.username} ${answer.method} ${printable(answer.url)}\n`,
      `  at ${new Date(answer.at).toISOString()}, ${printable(answer.route)}, action ${answer.action}, resource ${printable(answer.resource)}\n`,
      decision.rules.length > 0
        ? `Decided by (version ${decision.policyVersion}):\n${decision.rules.map(name).join('')}`
        : `No rule permitted it (version ${decision.policyVersion}, ${decision.reason}).\n`,
      'What the rules saw:\n',
      ...answer.facts.map((fact) => `  ${fact.about}.${fact.name} = ${printable(JSON.stringify(fact.value))}\n`),
      `Now it would be ${now.decision.effect === 'allow' ? 'allowed' : 'denied'}: ${printable(now.hint)}\n`,
    ].join(''),
  );
}

async function explain(invocation: Invocation, url: string): Promise<void> {
  if (denialIdPattern.test(url.trim().toLowerCase())) return explainId(invocation, url);
  const request = {
    username: required(invocation, 'as'),
    method: required(invocation, 'method').toUpperCase(),
    url,
  };
  const answer = await withFacts(invocation, (facts, config) => explainUrl(facts, config, request));
  if (invocation.options['json'] === true) {
    invocation.streams.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  const { explanation, route, resource, action } = answer;
  invocation.streams.stdout.write(
    [
      `${explanation.decision.effect.toUpperCase()}  ${request.username} ${request.method} ${printable(request.url)}\n`,
      `  route ${printable(route)}, action ${action}, resource ${printable(resource)}\n`,
      explanation.matched.length > 0
        ? `Rules that apply:\n${explanation.matched.map(name).join('')}`
        : 'No rule applies, and what no rule permits is denied.\n',
      explanation.hint ? `${printable(explanation.hint)}\n` : '',
    ].join(''),
  );
}

export const policyCommands: readonly Command[] = [
  {
    words: ['policy', 'check'],
    usage: '[DIR]',
    summary: 'Parses, validates and tries the policy files as the gateway would before it takes them.',
    options: {},
    positionals: [0, 1],
    run: check,
  },
  {
    words: ['policy', 'test'],
    usage: '[DIR]',
    summary: 'The same as check: the cases are part of it.',
    options: {},
    positionals: [0, 1],
    run: check,
  },
  {
    words: ['policy', 'explain'],
    usage: '--as USER --method GET --url URL [--json]',
    summary: 'Tells what the gateway would do with a request and which rules decide.',
    options: {
      as: { type: 'string' },
      method: { type: 'string', default: 'GET' },
      url: { type: 'string' },
      json: { type: 'boolean' },
    },
    positionals: [0, 0],
    run: (invocation) => explain(invocation, required(invocation, 'url')),
  },
];

export const explainCommands: readonly Command[] = [
  {
    words: ['explain'],
    usage: 'URL --as USER [--method GET] [--json] | DECISION-ID [--json]',
    summary: 'The same as policy explain; with the id of a refusal, what was refused and why.',
    options: {
      as: { type: 'string' },
      method: { type: 'string', default: 'GET' },
      json: { type: 'boolean' },
    },
    positionals: [1, 1],
    run: (invocation) => explain(invocation, invocation.positionals[0]!),
  },
];
