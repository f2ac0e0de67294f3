/** Health as modules report it and `ops`, `api` and the dashboard show it. */
export type ComponentHealth = {
  /** `store`, `policies`, `certificate`, `jupyterhub`, `node`, … */
  name: string;
  status: 'ok' | 'working' | 'warning' | 'failed';
  /** One plain sentence. */
  message: string;
  /** What to do, when something is to be done. */
  remedy?: string;
};

/** The state of something a tile stands for. Progress is real (steps done of steps known), never a timer. */
export type TileStatus = {
  status: 'ready' | 'preparing' | 'failed' | 'off';
  /** One plain sentence: what is happening or what is wrong. */
  message: string;
  remedy?: string;
  /** 0…1 while preparing. */
  progress?: number;
  /** Name of the current step and when it began (ms). */
  step?: string;
  stepStartedAt?: number;
};
