/**
 * Loaded into a gateway that is measured (`--import`): tells at the address in KNOT_BENCH_PROBE how much processor time the process
 * has used, and the most that its main thread used in one turn of the event loop since `/begin` was asked for, in milliseconds.
 * Processor time, because on a machine that is busy otherwise the clock tells of the others.
 */
import { createServer } from 'node:http';

const port = Number(process.env.KNOT_BENCH_PROBE);
delete process.env.KNOT_BENCH_PROBE;
const spent = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
if (port > 0) {
  let [last, longest] = [spent(), 0];
  setInterval(() => {
    const now = spent();
    longest = Math.max(longest, now - last);
    last = now;
  }, 2).unref();
  createServer((request, response) => {
    const { user, system } = process.cpuUsage();
    response.end(JSON.stringify({ cpuMs: (user + system) / 1000, pauseMs: longest }));
    if (request.url === '/begin') longest = 0;
  })
    .listen(port, '127.0.0.1')
    .unref();
}
