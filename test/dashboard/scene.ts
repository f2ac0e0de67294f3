import type { Browser, Page } from 'playwright-core';
import type { Test } from 'tap';
import { ensureDashboardBuild, launchBrowser, openPage } from '../support/dashboard/browser.ts';
import { startMockGateway, type MockGateway } from '../support/dashboard/mock-api.ts';
import { mockData } from '../support/dashboard/mock-data.ts';

export type Scene = { page: Page; gateway: MockGateway };

type SceneOptions = { isAdmin?: boolean };

/** One browser for a test; each scene in it gets a gateway and a page of its own. */
export async function openScenes(t: Test) {
  ensureDashboardBuild();
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  return (name: string, act: (t: Test, scene: Scene) => Promise<void>, options: SceneOptions = {}) =>
    t.test(name, async (t) => {
      const { page, gateway, close } = await open(browser, options);
      t.teardown(close);
      await act(t, { page, gateway });
    });
}

async function open(browser: Browser, options: SceneOptions): Promise<Scene & { close(): Promise<unknown> }> {
  const gateway = await startMockGateway(mockData(Date.now(), options));
  const { page } = await openPage(browser, { width: 1280, theme: 'light' });
  page.setDefaultTimeout(20_000);
  return { page, gateway, close: () => Promise.all([page.context().close(), gateway.close()]) };
}
