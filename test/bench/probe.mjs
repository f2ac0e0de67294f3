/**
 * Loaded into a gateway that is measured (`--import`): tells how much processor time the process has used and how long its event
 * loop stood still at most since the last question, in milliseconds, at the address in KNOT_BENCH_PROBE.
 */
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const port = Number(process.env.KNOT_BENCH_PROBE);
delete process.env.KNOT_BENCH_PROBE;
if (port > 0) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  createServer((_request, response) => {
    const { user, system } = process.cpuUsage();
    response.end(JSON.stringify({ cpuMs: (user + system) / 1000, pauseMs: delay.max / 1e6 }));
    delay.reset();
  })
    .listen(port, '127.0.0.1')
    .unref();
}
