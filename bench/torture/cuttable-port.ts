/** A port before PostgreSQL that stays the same when PostgreSQL comes back on another, and whose connections can be cut. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type CuttablePort = {
  readonly port: number;
  /** New connections go there. */
  forwardTo(port: number): void;
  /** Cuts the n-th of the connections there are (counted round), both ways, wherever they stand. */
  cut(n: number): boolean;
  close(): Promise<void>;
};

export async function openCuttablePort(): Promise<CuttablePort> {
  let target = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      open.delete(client);
    };
    open.add(client);
    for (const socket of [client, upstream]) socket.setNoDelay().on('error', end).on('close', end);
    client.pipe(upstream).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    forwardTo: (port) => (target = port),
    cut(n) {
      const connections = [...open];
      connections[n % connections.length]?.destroy();
      return connections.length > 0;
    },
    async close() {
      for (const client of open) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
