import type { JsonObject } from '../../lib/index.ts';
import type { Service } from '../service.ts';

/** What of the house and of an owner a chart may use. */
export type Surroundings = {
  namespace: string;
  hostname: string;
  origin: string;
  privateVolume: string;
  sharedVolume: string;
  teams: readonly { name: string; volume: string }[];
  /** Whom files belong to. */
  files: { user: number; group: number };
  storageClass: string;
  /** HOST/PROJECT of images; '' where there is no registry. */
  registry: { private: string; shared: string };
};

/** What Helm gets: what a person chose, and `knot`, which nobody gives but Knot (charts/README.md, "Values"). */
export function valuesFor(
  { id, name, owner, values, size }: Pick<Service, 'name' | 'owner' | 'values' | 'size'> & { id: string },
  { namespace, hostname, origin, ...surroundings }: Surroundings,
  { secret }: { secret: string },
): JsonObject {
  const { privateVolume, sharedVolume, teams, files, storageClass, registry } = surroundings;
  return {
    ...values,
    knot: {
      enabled: true,
      service: { id, name },
      owner: { name: owner.name, kind: owner.kind },
      ...{ hostname, origin, namespace, privateVolume, sharedVolume },
      teams: teams.map((team) => ({ ...team })),
      files: { ...files },
      home: `${owner.kind === 'user' ? '/files/private' : `/files/team/${owner.name}`}/${homeFolderOf({ id, name })}`,
      storageClass,
      ...(size && { size: { cpu: quantity(size.cpu), memory: String(size.memory) } }),
      secret,
      registry: { ...registry },
      // Of the earlier Knot.
      username: owner.name,
      privateDir: '/files/private',
      sharedDir: '/files/shared',
    },
  };
}

/**
 * A folder among the files of its owner; a team has them where its members find them. No other service had it before: what an earlier
 * one of that name left is not what this one begins with, nor would its passwords fit.
 */
export const homeFolderOf = ({ id, name }: Pick<Service, 'id' | 'name'>): string => `.services/${name}-${id}`;

/** Thousandths of a processor, as Kubernetes counts them. */
const quantity = (cpu: number): string => (Number.isInteger(cpu) ? String(cpu) : `${Math.round(cpu * 1000)}m`);
