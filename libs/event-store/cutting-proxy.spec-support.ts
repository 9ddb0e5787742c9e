/**
 * A TCP proxy before PostgreSQL that cuts one connection at a named message: before the server has seen it, or after the
 * server has done it and before the client hears so. These are the two ways in which a durable step can fail. It can also
 * let nothing through for a while, as a network does.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

export type Cut = {
  /** Text in the message: the name of a prepared statement, or a part of the SQL. */
  readonly message: string;
  /** Which message with this text, counted from 1. */
  readonly nth: number;
  readonly when: 'before' | 'after';
};

/** What ends every answer of the server: ReadyForQuery, idle, in a transaction or in a failed one. */
const READY = /Z\0\0\0\x05[ITE]$/; // eslint-disable-line no-control-regex

export class CuttingProxy {
  readonly #sockets = new Set<Socket>();
  #cut: Cut | undefined;
  #seen = 0;
  #held = false;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
    readonly url: string,
  ) {}

  static async start(databaseUrl: string): Promise<CuttingProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(databaseUrl);
    url.port = String((server.address() as AddressInfo).port);
    const proxy = new CuttingProxy(server, new URL(databaseUrl), url.toString());
    server.on('connection', (client) => proxy.#connect(client));
    return proxy;
  }

  /** Cuts once. */
  arm(cut: Cut): void {
    this.#cut = cut;
    this.#seen = 0;
  }

  /** Whether the armed cut was made. */
  get spent(): boolean {
    return this.#cut === undefined;
  }

  /** Nothing passes, in neither direction; connections stay open, and new ones are taken. */
  hold(): void {
    this.#held = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was held back passes. */
  release(): void {
    this.#held = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  #connect(client: Socket): void {
    const upstream = connect(Number(this.target.port), this.target.hostname);
    let cutAtAnswer = false;
    let answer = '';
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.setNoDelay().on('error', end).on('close', end);
    }
    client.on('data', (message) => {
      const when = this.#take(message.toString('latin1'));
      if (when === 'before') return end();
      if (when === 'after') cutAtAnswer = true;
      upstream.write(message);
    });
    upstream.on('data', (part) => {
      if (!cutAtAnswer) return client.write(part);
      answer += part.toString('latin1');
      if (READY.test(answer)) end();
    });
    if (this.#held) this.hold();
  }

  #take(message: string): Cut['when'] | undefined {
    const cut = this.#cut;
    if (!cut || !message.includes(cut.message) || ++this.#seen < cut.nth) return undefined;
    this.#cut = undefined;
    return cut.when;
  }
}
