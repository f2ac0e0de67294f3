/**
 * The one buffer that everything from upstreams over HTTP/1.1 is read into. libuv reads one socket after another and calls back
 * before the next read, so nothing is overwritten while it is looked at; whoever keeps bytes longer copies them. Saves an
 * allocation outside of V8's heap for every read, and the full collections that these cause; and can be so large that a big body
 * passes in few turns (`BENCHMARKS.md`).
 */
export const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);
