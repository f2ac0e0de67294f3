import type { Browser, Page, Request } from 'playwright-core';
import type { Test } from 'tap';
import { ensureDashboardBuild, launchBrowser, openPage } from '../support/dashboard/browser.ts';
import { startMockGateway, type MockGateway } from '../support/dashboard/mock-api.ts';
import { mockData } from '../support/dashboard/mock-data.ts';
import { eventually } from '../support/eventually.ts';

export type Scene = {
  page: Page;
  gateway: MockGateway;
  /** Shows a page; resolves when it hears of changes and has all that it asked for when it began. */
  goTo(path: string): Promise<void>;
};

type SceneOptions = { isAdmin?: boolean };

/** One browser for a test; each scene in it gets a gateway and a page of its own. */
export async function openScenes(t: Test) {
  ensureDashboardBuild();
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  return (name: string, act: (t: Test, scene: Scene) => Promise<void>, options: SceneOptions = {}) =>
    t.test(name, async (t) => {
      const { close, ...scene } = await open(browser, options);
      t.teardown(close);
      await act(t, scene);
    });
}

async function open(browser: Browser, options: SceneOptions): Promise<Scene & { close(): Promise<unknown> }> {
  const gateway = await startMockGateway(mockData(Date.now(), options));
  const { page } = await openPage(browser, { width: 1280, theme: 'light' });
  return {
    page,
    gateway,
    goTo: createGoTo(page, gateway.origin),
    close: () => Promise.all([page.context().close(), gateway.close()]),
  };
}

function createGoTo(page: Page, origin: string): Scene['goTo'] {
  const stream = `${origin}/api/v1/events`;
  const asked = new Set<Request>();
  page.on('request', (request) => {
    if (request.url().startsWith(`${origin}/api/`) && request.url() !== stream) asked.add(request);
  });
  page.on('requestfinished', (request) => asked.delete(request));
  page.on('requestfailed', (request) => asked.delete(request));
  return async (path) => {
    asked.clear();
    // Begun when the page is there, after all else that it asks for then.
    const isHeard = page.waitForResponse(stream);
    await page.goto(`${origin}${path}`);
    await isHeard;
    await eventually('the page has what it asked for', () => asked.size === 0);
  };
}
