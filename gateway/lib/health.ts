/** Health as modules report it and `ops`, `api` and the dashboard show it. */
export type ComponentHealth = {
  /** `store`, `policies`, `certificate`, `cluster`, `places`, `jupyterhub`, `node`, … Each once. */
  name: string;
  /** What people call it, where the name is not a word of Knot. */
  title?: string;
  status: 'ok' | 'working' | 'warning' | 'failed';
  /** One plain sentence. */
  message: string;
  /** What to do, when something is to be done. */
  remedy?: string;
  /** Names people: not for listeners that ask nobody who they are. */
  isPersonal?: boolean;
};

/**
 * The state of something a tile stands for. Only what is known is `ready`: what runs elsewhere is asked (`unreachable` and `failed`
 * when it does not answer, or with an error; `unknown` until it was asked) or is `unwatched`. Progress is real (steps done of
 * steps known), never a timer.
 */
export type TileStatus = {
  status: 'ready' | 'preparing' | 'failed' | 'off' | 'unreachable' | 'unwatched' | 'unknown';
  /** One plain sentence: what is happening or what is wrong; may be empty when it is ready. */
  message: string;
  remedy?: string;
  /** 0…1 while preparing. */
  progress?: number;
  /** Name of the current step and when it began (ms). */
  step?: string;
  stepStartedAt?: number;
  /** All steps that are known, in order, while it is prepared or when that failed. */
  steps?: PreparationStep[];
};

/** One step of preparing something: times in milliseconds since the epoch. */
export type PreparationStep = {
  /** What is done in it, as a heading. */
  title: string;
  state: 'done' | 'working' | 'waiting' | 'failed';
  startedAt?: number;
  endedAt?: number;
};

/**
 * What is known of what stands behind a host, for whoever asks there while it does not answer. `asleep`: whoever opens a page of it
 * wakes it; `waking`: somebody did.
 */
export type RouteState = Omit<TileStatus, 'status'> & {
  status: TileStatus['status'] | 'asleep' | 'waking' | 'elsewhere';
  /** Where whoever asks can do something about it. */
  link?: { href: string; label: string };
};
