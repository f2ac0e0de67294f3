import { knotError } from '../lib/index.ts';

/** Why something would not start, by the field of the form it is about. */
export type Obstacle = {
  field: string;
  message: string;
  remedy?: string;
  /** It can be launched, and does not run before that is over. */
  isWait?: true;
};

/** What keeps from launching. */
export const inTheWay = (found: readonly Obstacle[]): Obstacle[] => found.filter(({ isWait }) => isWait !== true);

/** What is wrong with values, by the fields of the form. */
export const inValues = (problems: readonly { pointer: string; message: string }[]): Obstacle[] =>
  problems.map(({ pointer, message }) => ({ field: `values${pointer}`, message }));

/** Also for whom a service is nothing to. */
export const noSuchService = () => knotError('KNOT_SERVICES_NONE', 404, 'There is no such service.');

export const changedMeanwhile = () =>
  knotError('KNOT_SERVICES_CHANGED', 409, 'The service was changed by somebody else meanwhile.', {
    remedy: 'Look at it again, then decide.',
  });

/** Its program, and what that says and uses, are where another gateway is. */
export const isElsewhere = (name: string) =>
  knotError('KNOT_SERVICES_ELSEWHERE', 409, `${name} runs on another machine of this installation.`, {
    remedy:
      'Ask the gateway of that machine; what is wanted of it (start, stop, other values, remove) can be said here.',
  });

export const notToBeWoken = () =>
  knotError('KNOT_SERVICES_STOPPED', 409, 'The service was stopped, so that nobody wakes it.', {
    remedy: 'Whoever it belongs to can start it.',
  });

export const refused = (problems: Obstacle[]) =>
  knotError('KNOT_SERVICES_REFUSED', 422, problems.map(({ message }) => message).join(' '), { details: { problems } });

export const templateGone = () =>
  knotError('KNOT_SERVICES_TEMPLATE_GONE', 409, 'The template of the service is no more, or is not for you.', {
    remedy: 'It goes on with its own copy; there is nothing to upgrade to.',
  });

export const alreadyThat = () =>
  knotError('KNOT_SERVICES_NOTHING_NEWER', 409, 'The service is of the version that its template has today.', {
    remedy: 'There is nothing to upgrade to.',
  });

export const noSuchRevision = () =>
  knotError('KNOT_SERVICES_NO_REVISION', 404, 'The service was never that, or it is not kept any more.', {
    remedy: 'GET /api/v1/services/{id}/revisions lists what it can go back to.',
  });

/** What a person chose and the new version does not take. */
export const doesNotFit = (problems: Obstacle[]) =>
  knotError(
    'KNOT_SERVICES_DOES_NOT_FIT',
    422,
    'Some of what was chosen does not fit the new version of the template.',
    {
      remedy: 'Choose it anew before, or upgrade without it (`drop`).',
      details: { problems },
    },
  );
