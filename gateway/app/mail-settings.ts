import { type Config, readSecret } from '../config/index.ts';

/** The mail server with its password; undefined when no mail is sent. */
export function mailSettings(config: Config) {
  const { mail } = config;
  if (!mail) return undefined;
  return {
    server: mail.server,
    from: mail.from,
    ...(mail.password && { password: readSecret(mail.password, config.baseFolder) }),
  };
}
