import { isJsonObject, type JsonObject } from '../../lib/index.ts';

/** A list of packages (npm, "package-lock.json"), and where in the installation it belongs: '' is the installation itself. */
export type NpmList = { text: string; into: string };

/** What the list wants of npm: its topmost entry, as a package of nobody's. */
export function manifestOf(text: string): JsonObject {
  const root = packagesOf(text)[''] ?? {};
  const { dependencies, optionalDependencies } = root;
  return {
    name: 'packages',
    version: '1.0.0',
    private: true,
    ...(dependencies !== undefined && { dependencies }),
    ...(optionalDependencies !== undefined && { optionalDependencies }),
  };
}

/** The list as npm is given it: its topmost entry is the same as in `manifestOf`, whatever it was called. */
export function listFor(text: string): string {
  const list = JSON.parse(text) as JsonObject;
  const packages = { ...packagesOf(text), '': manifestOf(text) };
  return `${JSON.stringify({ ...list, name: 'packages', version: '1.0.0', packages })}\n`;
}

/** How many of a list are for this machine. */
export function countFor(text: string, { platform, arch }: { platform: string; arch: string }): number {
  const isFor = (allowed: unknown, own: string): boolean =>
    !Array.isArray(allowed) ||
    (!allowed.includes(`!${own}`) &&
      (allowed.includes(own) || allowed.every((one) => typeof one === 'string' && one.startsWith('!'))));
  return Object.entries(packagesOf(text)).filter(
    ([place, { os, cpu, dev }]) => place !== '' && dev !== true && isFor(os, platform) && isFor(cpu, arch),
  ).length;
}

function packagesOf(text: string): { [place: string]: JsonObject } {
  const { packages } = JSON.parse(text) as JsonObject;
  return Object.fromEntries(
    Object.entries(isJsonObject(packages) ? packages : {}).filter((entry): entry is [string, JsonObject] =>
      isJsonObject(entry[1]),
    ),
  );
}
