import t from 'tap';
import { keepsItsContract } from './argo-contract.ts';

/**
 * The same questions as to the Argo Workflows of the tests (`argo.test.ts`), to one that an operator runs:
 *
 *     KNOT_REAL_ARGO=https://NAMESPACE:TOKEN@HOST node test/integrations/argo-real.test.ts
 *
 * TOKEN is of an account that has rights in that one namespace alone (`kubectl -n NAMESPACE create token knot-argo`). Workflows are made there
 * that wait and start no pod, and are removed again.
 */

const given = process.env['KNOT_REAL_ARGO'];
const skip = given === undefined ? 'KNOT_REAL_ARGO is not set' : false;
t.test('an Argo Workflows that an operator runs', { skip }, async (t) => {
  const { origin, username, password } = new URL(given!);
  if (username === '' || password === '') throw new Error('KNOT_REAL_ARGO: https://NAMESPACE:TOKEN@HOST');
  await keepsItsContract(t, { url: origin, namespace: username, token: decodeURIComponent(password) });
});
