import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser, type Page } from 'playwright-core';
import { patienceMs } from '../eventually.ts';

/** What every browser test of the dashboard needs: the build and a Chromium. */

const root = join(import.meta.dirname, '../../..');

/** Why a browser test cannot run here, or false. With CI=true nothing is skipped: it fails instead. */
export function browserSkipReason(): string | false {
  if (process.env.CI === 'true' || chromiumPath() !== undefined) return false;
  return 'Chromium is not installed (apt install chromium-headless-shell, or set CHROMIUM to its path)';
}

/**
 * First the one without windows, which is what all tests need: the same pages for some two thirds of the processor time of a whole
 * browser, which stands in where that is not installed.
 */
function chromiumPath(): string | undefined {
  const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
  const candidates = [process.env.CHROMIUM, ...names.map((name) => `/usr/bin/${name}`)];
  return candidates.find((path) => path !== undefined && existsSync(path));
}

/** Builds the dashboard if nobody has; a build that is there is trusted, so that many test files cost one build. */
export function ensureDashboardBuild(): void {
  if (existsSync(join(root, 'dashboard/build/200.html'))) return;
  const bin = join(root, 'node_modules/.bin');
  execFileSync(join(bin, 'vite'), ['build'], {
    cwd: join(root, 'dashboard'),
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** `args` are further switches of Chromium. What a page is waited for is waited for as everything else is. */
export async function launchBrowser(args: readonly string[] = []): Promise<Browser> {
  const executablePath = chromiumPath();
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run', ...args],
  });
  return browser.on('context', (context) => context.setDefaultTimeout(patienceMs));
}

/** `proxy`: address of the one that everything goes through. */
export type Look = { width: number; theme: 'light' | 'dark'; proxy?: string | undefined };

/** A page of its own, and what its console complained about (blocked by the policy, failed, thrown). */
export async function openPage(
  browser: Browser,
  { width, theme, proxy }: Look,
): Promise<{ page: Page; complaints: string[] }> {
  const isPhone = width < 500;
  const context = await browser.newContext({
    viewport: { width, height: isPhone ? 844 : 900 },
    colorScheme: theme,
    isMobile: isPhone,
    hasTouch: isPhone,
    locale: 'en-GB',
    reducedMotion: 'reduce',
    ...(proxy !== undefined && { proxy: { server: proxy } }),
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const { url } = message.location();
    // Chromium does not say what it was that could not be loaded.
    complaints.push(URL.canParse(url) ? `${message.text()} (${new URL(url).pathname})` : message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, complaints };
}

/**
 * What axe has to say against a page as it stands, one line a rule; `tags` are those of the rules to ask, when not what axe asks by
 * itself. It runs in the page: the package's builder puts its parts together in a second page, which takes ten times as long and is
 * needed for frames only.
 */
export async function violationsOn(page: Page, { tags }: { tags?: string[] } = {}): Promise<string[]> {
  const options = {
    resultTypes: ['violations' as const],
    ...(tags && { runOnly: { type: 'tag' as const, values: tags } }),
  };
  const violations = page.frames().length > 1 ? await inFrames() : await inPage();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);

  async function inFrames(): Promise<Violations> {
    return (await new AxeBuilder({ page }).options(options).analyze()).violations;
  }

  async function inPage(): Promise<Violations> {
    if (!(await page.evaluate<boolean>('"axe" in globalThis'))) await page.evaluate(axeSource());
    return page.evaluate<Violations>(
      `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
        violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => ({ html })) })))`,
    );
  }
}

type Violations = { id: string; nodes: { html: string }[] }[];

/** The same axe that the builder brings. */
function axeSource(): string {
  const builder = createRequire(import.meta.url).resolve('@axe-core/playwright');
  return (createRequire(builder)('axe-core') as { source: string }).source;
}
