import { type Static, type TObject, Type } from 'typebox';
import { parseListen } from '../address.ts';
import { isCidr } from '../cidr.ts';
import { type AddProblem, hostPort, object } from './section.ts';

const domainName = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$';

/** Where Knot is reached: these keys stand at the top of the file. */
export const listenerKeys = {
  domain: Type.String({
    default: 'localhost',
    pattern: domainName,
    description: 'The one name Knot answers to; tools live one label below it (https://jupyterhub.DOMAIN). Lower case.',
  }),
  appsDomain: Type.Optional(
    Type.String({
      pattern: domainName,
      // Leaves room for a label and its dot in a name of 253 characters (RFC 1035 section 2.3.4).
      maxLength: 189,
      description:
        'A second name, registered apart from domain, for the services that people launch (https://NAME-OWNER.APPSDOMAIN): their pages are then another site than Knot. Without it they are below domain.',
    }),
  ),
  listen: Type.String({
    default: '127.0.0.1:8443',
    pattern: hostPort,
    description: 'Address and port of the HTTPS listener.',
  }),
  publicPort: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65535,
      description: 'Port people type when it differs from the listener (a load balancer on 443).',
    }),
  ),
  httpListen: Type.Optional(
    Type.String({
      pattern: hostPort,
      description: 'Plain-HTTP listener that only redirects to HTTPS. Off by default.',
    }),
  ),
  ops: Type.String({
    default: '127.0.0.1:9464',
    pattern: hostPort,
    description: 'Listener of /metrics, /healthz, /readyz; keep it on loopback.',
  }),
  trustedProxies: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: 'CIDRs whose X-Forwarded-For is believed. Empty: the peer address is the client.',
  }),
  tls: object(
    {
      cert: Type.Optional(
        Type.String({ description: 'PEM file: certificate and chain. Without it Knot makes its own local CA.' }),
      ),
      key: Type.Optional(Type.String({ description: 'PEM file of the private key.' })),
    },
    'Certificate. The files are watched; a new valid pair is used at once.',
  ),
};

type ListenerSettings = Static<
  TObject<Pick<typeof listenerKeys, 'listen' | 'httpListen' | 'ops' | 'tls' | 'trustedProxies'>>
>;

/** Ports that exist, a whole certificate or none, networks that can be compared. */
export function checkListeners(config: ListenerSettings, add: AddProblem): void {
  for (const key of ['listen', 'httpListen', 'ops'] as const) {
    const value = config[key];
    if (value !== undefined && parseListen(value).port > 65535)
      add(key, `has no such port: ${value}; ports go from 0 to 65535`);
  }
  if ((config.tls.cert === undefined) !== (config.tls.key === undefined)) {
    add('tls', 'needs both cert and key, or neither (then Knot makes its own)');
  }
  config.trustedProxies.forEach((cidr, index) => {
    if (!isCidr(cidr))
      add(`trustedProxies[${index}]`, `must be an address or CIDR such as 10.0.0.0/8, but it is "${cidr}"`);
  });
}
