import type { PublicAddress } from '../config/index.ts';
import { type RouteState, shownName } from '../lib/index.ts';
import type { Policy } from '../policy/index.ts';
import { nowhere, type Route } from '../routes/index.ts';
import { askedOf, type ProxyOptions } from '../proxy/index.ts';
import type { Services } from '../services/index.ts';

/** What is said in place of services that do not answer, and how whoever opens one wakes it. */
export function servicesInProxy(parts: {
  services: Pick<Services, 'tile' | 'visited'>;
  policy: Pick<Policy, 'decide'>;
  routes: Pick<ProxyOptions['routes'], 'resourceAt'>;
  sharedOn: ProxyOptions['sharedOn'];
  publicAddress: PublicAddress;
}): Pick<ProxyOptions, 'stateOf'> & Required<Pick<ProxyOptions, 'wake'>> {
  const { services, policy, publicAddress } = parts;
  return {
    stateOf({ route, canonical, visitor }) {
      const { service } = route;
      const state = service && services.tile(service.id);
      if (service === undefined || visitor === undefined || (state?.status !== 'off' && state?.status !== 'failed'))
        return state;
      // Starting it is a request of the main host, where whoever may is known: from here it is a link, which starts nothing by itself.
      const asked = askedOf(parts, canonical, route, visitor.principal);
      if (policy.decide({ ...asked, action: 'manage' }).effect !== 'allow') return state;
      const href = `${publicAddress.origin}/services/${service.id}`;
      return { ...state, link: { href, label: state.status === 'off' ? 'Go and start it' : 'See what happened' } };
    },
    wake({ route, visitor }) {
      if (route.service && visitor) services.visited(route.service.id, shownName(visitor.principal));
    },
  };
}

/** What somebody made in the cluster themselves, and where nobody answers. What is wrong there is for its owner alone to know. */
export const stateOfDiscovered = ({ upstream, service }: Route): RouteState | undefined =>
  upstream.hostname === nowhere.hostname
    ? {
        status: 'off',
        message: 'Nothing answers at this address now.',
        remedy: `${service!.isTeam ? `Whoever manages ${service!.owner}` : service!.owner} finds why on the page of services.`,
      }
    : undefined;
