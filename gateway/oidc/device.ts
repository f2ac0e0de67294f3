import type { IncomingMessage } from 'node:http';
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Clock, Principal } from '../lib/index.ts';
import { createGuesses } from '../tokens/index.ts';
import type { SessionBinding } from './binding.ts';
import { deviceAllowedPage, deviceCodePage, deviceConfirmPage } from './device-pages.ts';
import type { ClientFacts } from './metadata.ts';
import { renderHtml } from './render.ts';

/** `knot login` on somebody's machine: a public client that knows nothing but the device flow (RFC 8628). */
export const commandLineClient: ClientFacts & { clientId: string } = {
  clientId: 'knot-cli',
  name: 'Knot on the command line',
  redirectUris: [],
  usesDeviceFlow: true,
  // What it may do is said on the page that asks for the code.
  firstParty: true,
};

/** Where a device asks for a code, and where a person enters it; below the issuer. */
const devicePath = '/device/auth';
const codePath = '/device';

const mostWrongCodes = 10;
const mostDevices = 60;
const windowMs = 10 * 60_000;
/** Long enough to find a browser and to sign in; what a stolen mail could use is over soon. */
export const deviceCodeSeconds = 10 * 60;

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;
type Middleware = Parameters<Provider['use']>[0];

export type DeviceOptions = {
  clock: Clock;
  binding: Pick<SessionBinding, 'identityOf'>;
  /** The client's address, through trusted proxies. */
  addressOf(request: IncomingMessage): string;
  /** For the audit record. */
  onAllowed(device: { principal: Principal; clientId: string; from: string; address: string }): Promise<void>;
};

/** The device flow with pages of ours, and bounds on guessing codes (RFC 8628 section 5.1) and on asking for them. */
export function createDeviceFlow({ clock, binding, addressOf, onAllowed }: DeviceOptions): {
  feature: DeviceFlow;
  bound: Middleware;
} {
  const wrongCodes = createGuesses(clock, { most: mostWrongCodes, windowMs });
  const devices = createGuesses(clock, { most: mostDevices, windowMs });

  const usernameOf = (context: KoaContextWithOIDC) => binding.identityOf(context.req)?.principal.username;

  const feature: DeviceFlow = {
    enabled: true,
    charset: 'base-20',
    mask: '****-****',
    deviceInfo: (context) => ({
      ip: addressOf(context.req),
      ua: (context.get('user-agent') || 'unknown').slice(0, 120),
    }),
    async userCodeInputSource(context, _form, _out, error) {
      if (error?.name === 'NotFoundError') wrongCodes.note(addressOf(context.req));
      // The provider answers 200 to a form that has to be filled in again.
      if (error) context.status = 400;
      renderHtml(context, deviceCodePage({ secret: secretOf(context), problem: problemOf(error) }));
    },
    async userCodeConfirmSource(context, _form, client, deviceInfo, userCode) {
      const { ip, ua } = deviceInfo as { ip?: string; ua?: string };
      const page = deviceConfirmPage({
        clientName: client.clientName ?? client.clientId,
        from: ip ?? 'an unknown address',
        program: ua ?? 'unknown',
        userCode,
        secret: secretOf(context),
        username: usernameOf(context),
      });
      renderHtml(context, page);
    },
    async successSource(context) {
      const { client, deviceCode } = context.oidc as KoaContextWithOIDC['oidc'] & {
        deviceCode?: { deviceInfo?: { ip?: string } };
      };
      const principal = binding.identityOf(context.req)?.principal;
      if (principal && client) {
        const from = deviceCode?.deviceInfo?.ip ?? 'unknown';
        await onAllowed({ principal, clientId: client.clientId, from, address: addressOf(context.req) });
      }
      renderHtml(context, deviceAllowedPage(client?.clientName));
    },
  };

  const bound: Middleware = async (context, next) => {
    const address = addressOf(context.req);
    if (context.method === 'POST' && context.path === devicePath) {
      const wait = devices.waitOf(address);
      if (wait !== undefined) {
        context.status = 429;
        context.set('retry-after', String(wait));
        context.body = { error: 'slow_down', error_description: 'too many devices of this network ask for codes' };
        return;
      }
      devices.note(address);
    }
    if (context.method === 'POST' && context.path === codePath) {
      const wait = wrongCodes.waitOf(address);
      if (wait !== undefined) {
        context.status = 429;
        context.set('retry-after', String(wait));
        const problem = `Too many wrong codes came from your network. Try again in ${Math.ceil(wait / 60)} min.`;
        renderHtml(context as KoaContextWithOIDC, deviceCodePage({ secret: undefined, problem }));
        return;
      }
    }
    await next();
  };

  return { feature, bound };
}

/** Binds the form to the browser; made by the provider before a page is shown. */
function secretOf(context: KoaContextWithOIDC): string | undefined {
  return (context.oidc.session as { state?: { secret?: string } } | undefined)?.state?.secret;
}

function problemOf(error: Error | undefined): string | undefined {
  switch (error?.name) {
    case undefined:
      return undefined;
    case 'NoCodeError':
      return 'Enter the code that your terminal shows.';
    case 'NotFoundError':
      return 'There is no such code. Compare it with the one in your terminal.';
    case 'ExpiredError':
      return 'This code has expired. Run the command again, it shows a new one.';
    case 'AlreadyUsedError':
      return 'This code has been used. Run the command again, it shows a new one.';
    case 'AbortedError':
      return 'Nothing was allowed. You can close this page.';
    default:
      return 'That did not work. Run the command again and enter the code it shows.';
  }
}
