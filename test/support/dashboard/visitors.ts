import type { Page } from 'playwright-core';
import type { Test } from 'tap';
import type { GatewayOptions, RunningGateway } from '../process/gateway.ts';
import { openPeople } from '../process/people.ts';
import type { Person } from '../process/person.ts';
import { ensureDashboardBuild, launchBrowser, type Look, openPage } from './browser.ts';

/** A running gateway with the dashboard in front, and people who are signed in to it. */
export type Visitors = {
  gateway: RunningGateway;
  /** A page of somebody in a browser of their own, signed in; `complaints` is what its console complained about. */
  open(username: string, look?: Partial<Look>): Promise<{ page: Page; complaints: string[] }>;
  /** A page in a browser of its own, of somebody without an account. */
  stranger(look?: Partial<Look>): Promise<{ page: Page; complaints: string[] }>;
  /** The same person without a screen. */
  person(username: string): Promise<Person>;
};

/**
 * Starts a gateway without notebooks (unless `config` says otherwise); `ann` is its admin and `others` are people who may sign in.
 * Everything ends with the test.
 */
export async function openVisitors(
  t: Test,
  options: GatewayOptions & { others?: readonly string[] } = {},
): Promise<Visitors> {
  ensureDashboardBuild();
  const { gateway, person, atEnd } = await openPeople(t, options);
  let browser: ReturnType<typeof launchBrowser> | undefined;
  async function stranger({ width = 1440, theme = 'light', proxy }: Partial<Look> = {}) {
    if (!browser) {
      browser = launchBrowser(['--ignore-certificate-errors']);
      atEnd(async () => (await browser)?.close());
    }
    const opened = await openPage(await browser, { width, theme, proxy });
    return opened;
  }

  return {
    gateway,
    person,
    stranger,
    async open(username, look) {
      const opened = await stranger(look);
      // The sign-in of a person is one session, whichever window shows it.
      const { hostname } = new URL(gateway.origin);
      const cookies = [...(await person(username)).cookies(hostname)].map(([name, value]) => ({
        name,
        value,
        url: gateway.origin,
        secure: true,
      }));
      await opened.page.context().addCookies(cookies);
      return opened;
    },
  };
}
