import { posix } from 'node:path';
import { isJsonObject, printable } from '../lib/index.ts';
import {
  claimsFor,
  environmentFor,
  filesAnnotation,
  type Grant,
  type GrantedClaim,
  type WantedFiles,
} from './grant.ts';

/** One step of a JSON Patch (RFC 6902). */
export type PatchStep = { op: 'add' | 'replace'; path: string; value: unknown };

/** How a pod is changed (no step: it has everything), or why it must not be made, in words for its owner. */
export type Mutation = { patch: PatchStep[] } | { refused: string };

type Volume = { name?: unknown; persistentVolumeClaim?: { claimName?: unknown; readOnly?: unknown } | null };
type Mount = { name?: unknown; mountPath?: unknown };
type Variable = { name?: unknown; value?: unknown; valueFrom?: unknown };
type Container = { name?: unknown; volumeMounts?: unknown; volumeDevices?: unknown; env?: unknown };

/** A mount to be made: of which volume, where. */
type Place = { volume: string; claim: string; path: string };

/**
 * The files and the variables of its owner for a pod that is about to be made: in each container and init container.
 *
 * - Done twice it changes nothing more: a volume is known by its claim, a mount by its path, variables by name and value. So another
 *   webhook, a second call (`reinvocationPolicy`) and a chart that mounts the claim itself are all right.
 * - What mounts something else at one of the paths is refused: whoever writes to `/files/private` must be able to trust that these
 *   are their files, and an empty folder there would lose them without a word. `knot/files: none` asks for nothing at all.
 * - The variables stand first, so that others may be made of them (`$(KNOT_PRIVATE_DIR)`), and have Knot's values.
 * - Pointers of the patch name positions only, never a name of the pod: nothing in it can be mistaken for a part of a pointer.
 * - Ephemeral containers get nothing: a pod's volumes cannot change any more when they come. They may mount what the pod has.
 * - Service account tokens stay as they are.
 */
export function mutatePod(pod: unknown, grant: Grant): Mutation {
  const { metadata, spec } = (isJsonObject(pod) ? pod : {}) as { metadata?: unknown; spec?: unknown };
  if (!isJsonObject(spec)) return { refused: 'This is no pod: it has no spec.' };
  const wanted = wantedBy(metadata);
  if (wanted === undefined)
    return {
      refused: `The annotation ${filesAnnotation} of a pod is none or private; without it the pod gets all files.`,
    };

  const twice = nameTwice(listOf<Volume>(spec['volumes']));
  if (twice !== undefined) return { refused: `Two volumes of the pod are called ${shown(twice)}.` };
  const volumes = volumesFor(listOf<Volume>(spec['volumes']), claimsFor(grant, wanted));
  const environment = Object.entries(environmentFor(grant, wanted)).map(([name, value]) => ({ name, value }));
  const patch: PatchStep[] = appended('/spec/volumes', spec['volumes'], volumes.missing);
  for (const list of ['initContainers', 'containers'] as const) {
    for (const [index, container] of listOf<Container>(spec[list]).entries()) {
      if (!isJsonObject(container)) return { refused: 'This is no pod: one of its containers is none.' };
      const pointer = `/spec/${list}/${index}`;
      const mounts = mountsFor(container, volumes);
      if ('refused' in mounts) return mounts;
      patch.push(...appended(`${pointer}/volumeMounts`, container.volumeMounts, mounts.missing));
      patch.push(...variablesFor(`${pointer}/env`, container.env, environment));
    }
  }
  return { patch };
}

/** Undefined where the annotation is none that Knot knows: who asks for less and misspells it must not get all. */
function wantedBy(metadata: unknown): WantedFiles | undefined {
  const annotations = isJsonObject(metadata) ? metadata['annotations'] : undefined;
  const asked =
    isJsonObject(annotations) && Object.hasOwn(annotations, filesAnnotation) ? annotations[filesAnnotation] : 'all';
  return asked === 'all' || asked === 'none' || asked === 'private' ? asked : undefined;
}

/** The API server would refuse it after us; before that nobody can say which of them a mount is of. */
function nameTwice(volumes: readonly Volume[]): unknown {
  const names = volumes.filter(isJsonObject).map(({ name }) => name);
  return names.find((name, index) => names.indexOf(name) !== index);
}

type Volumes = { places: Place[]; missing: Volume[]; claimOf: ReadonlyMap<unknown, unknown> };

/** Under which name the pod knows each claim: that of its own volume, else the claim's, else that with a number. */
function volumesFor(present: readonly Volume[], claims: readonly GrantedClaim[]): Volumes {
  const claimOf = new Map<unknown, unknown>();
  const writable = new Map<unknown, string>();
  for (const volume of present) {
    if (!isJsonObject(volume)) continue;
    const claim = isJsonObject(volume.persistentVolumeClaim) ? volume.persistentVolumeClaim : undefined;
    claimOf.set(volume.name, claim?.['claimName']);
    if (claim !== undefined && claim['readOnly'] !== true && typeof volume.name === 'string')
      writable.set(claim['claimName'], volume.name);
  }
  const missing: Volume[] = [];
  const places = claims.map(({ claim, path }) => {
    const known = writable.get(claim);
    if (known !== undefined) return { volume: known, claim, path };
    const volume = freeName(claim, claimOf);
    claimOf.set(volume, claim);
    missing.push({ name: volume, persistentVolumeClaim: { claimName: claim } });
    return { volume, claim, path };
  });
  return { places, missing, claimOf };
}

/** The names of volumes are DNS labels, of 63 characters at most. */
function freeName(claim: string, taken: ReadonlyMap<unknown, unknown>): string {
  const base = claim.replaceAll('.', '-').slice(0, 55);
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${base}-${number}`;
    if (!taken.has(name)) return name;
  }
}

function mountsFor(
  container: Container,
  { places, claimOf }: Volumes,
): { missing: { name: string; mountPath: string }[] } | { refused: string } {
  const standing = new Map<string, unknown>();
  for (const mount of listOf<Mount>(container.volumeMounts))
    if (isJsonObject(mount) && typeof mount.mountPath === 'string') standing.set(placeOf(mount.mountPath), mount.name);
  for (const device of listOf<{ devicePath?: unknown }>(container.volumeDevices))
    if (isJsonObject(device) && typeof device.devicePath === 'string')
      standing.set(placeOf(device.devicePath), undefined);

  const missing: { name: string; mountPath: string }[] = [];
  for (const { volume, claim, path } of places) {
    if (!standing.has(path)) {
      missing.push({ name: volume, mountPath: path });
    } else if (claimOf.get(standing.get(path)) !== claim) {
      return {
        refused: `The container ${shown(container.name)} mounts something of its own at ${path}, where Knot puts the files of ${claim}. Mount it elsewhere, or set the annotation ${filesAnnotation} of the pod to none.`,
      };
    }
  }
  return { missing };
}

/** As the kubelet understands it: a relative path begins at the root, and slashes and dots that say nothing are left out. */
const placeOf = (path: string): string => posix.resolve('/', path);

function variablesFor(
  pointer: string,
  present: unknown,
  ours: readonly { name: string; value: string }[],
): PatchStep[] {
  const list = listOf<Variable>(present);
  const names = new Set<unknown>(ours.map(({ name }) => name));
  const stands = ours.every(({ name, value }, index) => list[index]?.name === name && list[index].value === value);
  const others = list.filter((variable) => !isJsonObject(variable) || !names.has(variable.name));
  if (stands && others.length + ours.length === list.length) return [];
  return [{ op: Array.isArray(present) ? 'replace' : 'add', path: pointer, value: [...ours, ...others] }];
}

function appended(pointer: string, present: unknown, values: readonly unknown[]): PatchStep[] {
  if (values.length === 0) return [];
  // `add` puts a value in the place of null as well (RFC 6902 section 4.1).
  if (!Array.isArray(present)) return [{ op: 'add', path: pointer, value: [...values] }];
  return values.map((value) => ({ op: 'add', path: `${pointer}/-`, value }));
}

const listOf = <T>(value: unknown): readonly T[] => (Array.isArray(value) ? (value as T[]) : []);

const shown = (name: unknown): string => printable(JSON.stringify(String(name).slice(0, 63)));
