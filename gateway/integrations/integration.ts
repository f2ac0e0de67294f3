import type { ComponentHealth, TileStatus } from '../lib/index.ts';
import type { Route } from '../routes/index.ts';

export type IntegrationClient = {
  clientId: string;
  title: string;
  secret: string;
  redirectUris: string[];
  postLogoutRedirectUris: string[];
};

export type Integration = {
  name: string;
  title: string;
  /** Where its tile leads: absolute address. */
  url: string;
  route: Route;
  client: IntegrationClient;
  /** Of a tool that nobody here runs: the path at which it can be asked whether it answers. */
  probePath?: string;
  /** Starts what is to be started; returns at once, work goes on in the background. */
  start(): void;
  /** `handsOver`: what people have running stays for the next run of Knot, where the tool can do that. */
  stop(options?: { handsOver?: boolean }): Promise<void>;
  /** People with something running here that ends when Knot stops: usernames, sorted. */
  people?(): string[];
  /**
   * Ends what this person runs here, and resolves when it has ended or nothing ran; absent where Knot cannot.
   * @throws KNOT_INTEGRATIONS_NOT_STOPPED
   */
  stopOf?(username: string): Promise<void>;
  /** Names of the teams whose folders somebody's running server still has, as it was started. */
  teamsOf?(username: string): readonly string[];
  /** Why what people have running would not survive a restart of Knot now, for an operator; undefined when it would. */
  endsOnRestart?(): string | undefined;
  /** Whether what people run in it shares the network of this machine, because nothing keeps it apart; false while it is not known. */
  sharesNetwork?(): boolean;
  tile(): TileStatus;
  health(): ComponentHealth[];
  /** Hears each change of tile or health. */
  onChange(listener: () => void): () => void;
  /** Knot runs and configures it: there is nothing to paste anywhere. */
  isManaged?: true;
  /** What an operator pastes into the tool's own configuration (`knot integrations show NAME`). */
  settings(): string;
};
