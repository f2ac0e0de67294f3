/** Somebody as Knot knows them: the name may be another's in the registry, the subject never is. */
export type Person = { id: string; username: string };

export type ImageKind = 'image' | 'chart' | 'other';

/** Images of one name. Sizes in bytes, times in milliseconds. */
export type Image = {
  /** With the project before it. */
  name: string;
  kind: ImageKind;
  tags: string[];
  versions: number;
  size: number | null;
  pushedAt: number | null;
};

export type ProjectImages = {
  /** Of the registry's own; undefined where there is no project yet. */
  projectId?: number;
  images: Image[];
  isWhole: boolean;
  used: number;
  /** Null without a bound. */
  limit: number | null;
};

/** A chart of a project, by its versions; `name` is the way to it below the project, `digest` that of its manifest. */
export type RegistryChart = { name: string; versions: { version: string; digest: string }[] };

/** What Knot shows of the registry on its own pages, and gives to pods. */
export type Registry = {
  /** Host, with its port where it has one. */
  host: string;
  /** Page of a project. */
  pageOf(projectId: number): string;
  imagesOf(project: string): Promise<ProjectImages>;
  /** Charts of a project; none where Knot keeps no project of that name. */
  chartsOf(project: string): Promise<RegistryChart[]>;
  /** What was packed, read as the pods of the project's owner would, or why it is not. */
  fetchChart(
    project: string,
    chart: { name: string; digest: string; mostBytes: number },
  ): Promise<{ bytes: Buffer } | { refused: string }>;
  /** @throws KNOT_INTEGRATIONS_HARBOR_NEVER_OPENED */
  cliSecretOf(person: Person, options: { rotate: boolean }): Promise<string>;
  /** Docker's configuration file that pulls from the project of this name: `.dockerconfigjson` of a Secret. */
  pullConfigOf(project: string): string;
  /**
   * The login that is in it, which was tried just now.
   * @throws KNOT_INTEGRATIONS_HARBOR_NOT_READY while the registry does not take it
   */
  pullLoginOf(project: string): Promise<{ name: string; secret: string }>;
  /** Whether a name that signs in is one of those that pull for the owner of a project. */
  isPullLogin(project: string, name: string): boolean;
};
