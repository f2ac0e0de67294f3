/** What programs are told of the way out at a port of theirs: curl and pip look in small letters, most others in both; Node only when it is told to. */
export function proxySettings(port: number): Record<string, string> {
  const proxy = `http://127.0.0.1:${port}`;
  const own = 'localhost,127.0.0.1,::1';
  return {
    ...{ http_proxy: proxy, https_proxy: proxy, no_proxy: own },
    ...{ HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: own },
    NODE_USE_ENV_PROXY: '1',
  };
}
