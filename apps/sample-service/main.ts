/**
 * The sample service as a process of its own: its password and its token come by environment, never by argument, and the one
 * line it prints when it is ready names its URL. SIGTERM and Ctrl-C end it with exit code 0.
 */
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { createAcceptor, type Identity } from './acceptor.js';
import { createAgent } from './agent.js';
import { createService } from './service.js';

const HELP = `Usage: node dist/apps/sample-service/main.js --principal SPN --account NAME --realm REALM [options]

A service that authenticates its clients, and itself to them, with Kerbtrail as the KDC.

  --principal SPN       name it answers to, such as HTTP/web1.corp.example; may be repeated
  --account NAME        sAMAccountName of the account it logs on with (a computer's ends in $)
  --realm REALM         the account's domain, such as CORP.EXAMPLE
  --kvno N              version of its password, to tell a stale password from a foreign key
  --url URL             Kerbtrail (default: KERBTRAIL_URL, else http://127.0.0.1:8088)
  --host ADDRESS        where to listen (default 127.0.0.1)
  --port N              0 takes a free one (default 0)
  --password-env NAME   variable that holds its password (default KERBTRAIL_SERVICE_PASSWORD)
  --token-env NAME      variable that holds its token, of role agent (default KERBTRAIL_TOKEN)
  --help

POST /authenticate { request, etype, kvno, ciphertext }; then /app with the header Kerbtrail-Presentation.`;

class Usage extends Error {}

type Configuration = Identity & {
  readonly url: string;
  readonly token: string;
  readonly host: string;
  readonly port: number;
};

/** Undefined when help was asked for. Throws Usage. */
function configure(args: readonly string[], env: NodeJS.ProcessEnv): Configuration | undefined {
  const values = readArguments(args);
  if (values.help) return undefined;
  const need = (value: string | undefined, what: string): string => {
    if (!value) throw new Usage(`${what} is missing`);
    return value;
  };
  const number = (text: string, what: string, max: number): number => {
    if (!/^\d+$/.test(text) || Number(text) > max) throw new Usage(`${what} must be a number up to ${max}`);
    return Number(text);
  };
  const passwordVariable = values['password-env'];
  const tokenVariable = values['token-env'];
  return {
    spns: values.principal ?? [need(undefined, '--principal')],
    account: need(values.account, '--account'),
    realm: need(values.realm, '--realm'),
    kvno: values.kvno === undefined ? undefined : number(values.kvno, '--kvno', 2 ** 31),
    password: need(env[passwordVariable], `the environment variable ${passwordVariable}`),
    token: need(env[tokenVariable], `the environment variable ${tokenVariable}`),
    url: values.url ?? env['KERBTRAIL_URL'] ?? 'http://127.0.0.1:8088',
    host: values.host,
    port: number(values.port, '--port', 65_535),
  };
}

function readArguments(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        principal: { ...text, multiple: true },
        account: text,
        realm: text,
        kvno: text,
        url: text,
        host: { ...text, default: '127.0.0.1' },
        port: { ...text, default: '0' },
        'password-env': { ...text, default: 'KERBTRAIL_SERVICE_PASSWORD' },
        'token-env': { ...text, default: 'KERBTRAIL_TOKEN' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    throw new Usage(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function main(): Promise<void> {
  const configuration = configure(process.argv.slice(2), process.env);
  if (!configuration) {
    console.log(HELP);
    return;
  }
  const { url, token, host, port, ...identity } = configuration;
  const server = createService(await createAcceptor(identity), createAgent(url, token));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host, port }, resolve));
  const address = server.address() as AddressInfo;
  console.log(`sample service for ${identity.spns.join(', ')} ready at http://${host}:${address.port}`);
  // `disconnect`: a parent that started it with a channel is gone, however it ended.
  for (const end of ['SIGTERM', 'SIGINT', 'disconnect'] as const) {
    process.once(end, () => {
      server.close();
      server.closeIdleConnections();
    });
  }
  process.channel?.unref();
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof Usage ? `${message}\nTry --help.` : message);
  process.exitCode = error instanceof Usage ? 2 : 3;
});
