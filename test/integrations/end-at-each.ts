import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Test } from 'tap';

type Meddling = { meddle?: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined };

/**
 * A tool ends at one request of a piece of work after another, before or after it did what it was asked; each time the work is begun
 * anew, and is then whole. `work` is given the number of the request, so that each time it is another one. Returns how many there are.
 */
export async function endAtEach(
  t: Test,
  { server, when }: { server: Meddling; when: 'before' | 'after' },
  work: (at: number) => { attempt(): Promise<unknown>; isWhole(): unknown },
): Promise<number> {
  for (let at = 1; ; at += 1) {
    const { attempt, isWhole } = work(at);
    let seen = 0;
    server.meddle = (_request, response) => {
      seen += 1;
      if (seen !== at) return false;
      if (when === 'after') {
        response.end = () => response.destroy();
        return false;
      }
      response.destroy();
      return true;
    };
    const failure = await attempt().then(
      () => undefined,
      (error: { code: string }) => error.code,
    );
    server.meddle = undefined;
    const isOver = seen < at;
    t.equal(failure, isOver ? undefined : 'KNOT_INTEGRATIONS_TOOL_AWAY', `request ${at}`);
    if (!isOver) await attempt();
    await isWhole();
    if (isOver) return at - 1;
  }
}
