#!/usr/bin/env node
/**
 * Prisma's schema engine for its command line, without a download: JSON-RPC, one line a message on stdin and stdout, over
 * the engine's WebAssembly build and adapter-pg (prisma.config.ts names this file). Development tooling: the server
 * applies migrations itself. Not covered: `migrate dev` without --create-only, `migrate reset` (only schema `read` is
 * Prisma's) and typed SQL. The four work-arounds are numbered below.
 */
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import { SchemaEngine, __wbg_set_wasm as setWasm } from '@prisma/schema-engine-wasm/schema_engine_bg';
import { Client } from 'pg';

/** The adapter's own dependency, in the adapter's own version. */
const { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } = createRequire(
  import.meta.resolve('@prisma/adapter-pg'),
)('@prisma/driver-adapter-utils');
const OID_CHAR = 18;
const OID_TEXT = 25;

/**
 * (1) A script goes out whole: the adapter splits it at every `;`, inside of function bodies too.
 * (2) The catalogues' type "char" is unknown to the adapter; the engine panics on any reading but Character.
 */
function patched(connection) {
  const { queryRaw } = connection;
  connection.executeScript = async (script) => {
    await connection
      .underlyingDriver()
      .query(script)
      .catch((error) => connection.onError(error));
  };
  connection.queryRaw = async (query) => {
    const result = await connection.performIO(query);
    const isChar = result.fields.map((field) => field.dataTypeID === OID_CHAR);
    const fields = result.fields.map((field, i) => (isChar[i] ? { ...field, dataTypeID: OID_TEXT } : field));
    const rows = await queryRaw.call({ performIO: async () => ({ ...result, fields }) }, query);
    return { ...rows, columnTypes: rows.columnTypes.map((type, i) => (isChar[i] ? ColumnTypeEnum.Character : type)) };
  };
  return connection;
}

/** (3) The adapter's shadow database is the main one when it was given a URL, and it is dropped while still in use. */
class SchemaEngineAdapter extends PrismaPg {
  constructor(config) {
    super(config);
    this.connectionConfig = config;
  }
  async connect() {
    return patched(await super.connect());
  }
  async connectToShadowDb() {
    const main = new Client(this.connectionConfig);
    await main.connect();
    const database = `kerbtrail_shadow_${process.pid}`;
    await main.query(`CREATE DATABASE ${database}`);
    const shadow = await new SchemaEngineAdapter({ ...this.connectionConfig, database }).connect();
    const dispose = shadow.dispose.bind(shadow);
    shadow.dispose = async () => {
      await dispose();
      await main.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
      await main.end();
    };
    return shadow;
  }
}

/** Without a URL (a comparison of files) pg's own defaults, which nobody connects to. */
function connectionConfig(url) {
  if (!url) return {};
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const [user, secret, database] = [username, password, pathname.slice(1)].map(decodeURIComponent);
  return { host: searchParams.get('host') ?? hostname, port: Number(port || 5432), user, password: secret, database };
}

async function startEngine(url, datamodels) {
  const folder = dirname(fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg')));
  const module = await WebAssembly.compile(readFileSync(join(folder, 'schema_engine_bg.wasm')));
  const { exports } = await WebAssembly.instantiate(module, { './schema_engine_bg.js': bindings });
  setWasm(exports);
  exports['__wbindgen_start']();
  const adapter = bindMigrationAwareSqlAdapterFactory(new SchemaEngineAdapter(connectionConfig(url)));
  const files = datamodels?.map((file) => [file, readFileSync(file, 'utf8')]);
  return SchemaEngine.new({ datamodels: files }, () => {}, adapter);
}

/** Synchronous, because a panic leaves no time for anything else. */
const send = (message) => writeSync(1, `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const sendError = (id, message, errorCode) =>
  send({ id, error: { code: 4466, message, data: { is_panic: false, message, error_code: errorCode } } });

async function answer(engine, { id, method, params }) {
  try {
    const name = method === 'getDatabaseVersion' ? 'version' : method;
    const result = await (await engine)[name](params);
    const content = result?.stdout;
    if (typeof content === 'string') send({ id: `print-${id}`, method: 'print', params: { content } });
    send({ id, result: result ?? {} });
  } catch (error) {
    sendError(id, error.message, error.code);
  }
}

/** `cli can-connect-to-database` and `cli create-database`: the answer is the exit code and a second line on stderr. */
async function runCommand(name, url) {
  const { database, ...server } = connectionConfig(url);
  const client = new Client({ ...server, database: name === 'create-database' ? 'postgres' : database });
  try {
    await client.connect();
    if (name === 'create-database') await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}`);
    return 0;
  } catch (error) {
    const fields = { error_code: error.code === '3D000' ? 'P1003' : 'P1001', message: `${database}: ${error.message}` };
    const line = JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields });
    writeSync(2, `{"level":"INFO","fields":{"message":"${name}"}}\n${line}\n`);
    return 1;
  } finally {
    await client.end().catch(() => {});
  }
}

const { values, positionals } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: { datamodels: { type: 'string', multiple: true }, datasource: { type: 'string' } },
});
const { url } = JSON.parse(values.datasource ?? '{}');
if (positionals[0] === 'cli') process.exit(await runCommand(positionals[1], url));

let current; // id of the request that is being answered
// (4) Without a place for its message a panic hides itself, and the command line takes a dead engine for success.
globalThis.PRISMA_WASM_PANIC_REGISTRY = {
  set_message: (message) => {
    sendError(current, message);
    process.exit(101);
  },
};
let engine; // started by the first request, so that there is one to answer when that fails
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (!message.method) continue;
  current = message.id;
  engine ??= startEngine(url, values.datamodels);
  await answer(engine, message);
}
process.exit(0);
