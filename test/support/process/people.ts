import type { Test } from 'tap';
import { type GatewayOptions, type RunningGateway, startGateway } from './gateway.ts';
import { createPerson, type Person } from './person.ts';

/** The password of everybody on it. */
export const password = 'correct-horse-staple-7';

/** A running gateway and people who have accounts on it. */
export type People = {
  gateway: RunningGateway;
  /** Its admin. */
  ann: Person;
  /** Somebody with an account, signed in: the same one each time. */
  person(username: string): Promise<Person>;
  /** Somebody who is not signed in. */
  stranger(): Person;
  /** Runs when the test ends, before the gateway does; the last first. */
  atEnd(work: () => Promise<unknown>): void;
};

/**
 * Starts a gateway without notebooks (unless `config` says otherwise); `ann` is its admin and `others` are people who may sign in.
 * Everything ends with the test.
 */
export async function openPeople(
  t: Pick<Test, 'teardown'>,
  { others = [], ...options }: GatewayOptions & { others?: readonly string[] } = {},
): Promise<People> {
  const gateway = await startGateway({
    ...options,
    config: { integrations: { jupyterhub: { mode: 'off' } }, ...options.config },
  });
  const ends: (() => Promise<unknown>)[] = [];
  t.teardown(async () => {
    for (const end of ends.reverse()) await end();
    await gateway.stop();
  });
  function stranger(): Person {
    const fresh = createPerson(gateway);
    ends.push(() => fresh.close());
    return fresh;
  }

  const ann = stranger();
  const people = new Map([['ann', ann]]);
  await ann.fill(await ann.visit(gateway.setupLink!), { username: 'ann', email: 'ann@example.org', password });
  for (const username of others) {
    const { status, stdout, stderr } = await gateway.knot(
      ['user', 'add', username, '--email', `${username}@example.org`, '--password-file', '-'],
      password,
    );
    if (status !== 0) throw new Error(`knot user add ${username} ended with ${status}: ${stdout}${stderr}`);
  }

  return {
    gateway,
    ann,
    stranger,
    async person(username) {
      const known = people.get(username);
      if (known) return known;
      const fresh = stranger();
      people.set(username, fresh);
      await fresh.signIn(username, password);
      return fresh;
    },
    atEnd: (work) => void ends.push(work),
  };
}
