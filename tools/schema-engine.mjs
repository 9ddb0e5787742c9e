#!/usr/bin/env node
/**
 * Prisma's schema engine for its command line, without a download: JSON-RPC, one line a message on stdin and stdout, over
 * the engine's WebAssembly build and adapter-pg (prisma.config.ts names this file). Development tooling: the server
 * applies migrations itself. Not covered: full `migrate dev` and typed SQL. The four work-arounds are numbered below.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

/** The adapter's own dependency, in the adapter's own version. */
const { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } = createRequire(import.meta.resolve('@prisma/adapter-pg'))(
  '@prisma/driver-adapter-utils',
);
const OID_CHAR = 18;
const OID_TEXT = 25;

/** (1) A script goes out whole: the adapter splits it at every `;`, inside of function bodies too. */
/** (2) The catalogues' type "char" is unknown to the adapter; the engine panics on any reading but Character. */
function patched(connection) {
  const { queryRaw } = connection;
  connection.executeScript = async (script) => {
    await connection.underlyingDriver().query(script).catch((error) => connection.onError(error));
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
    const main = new pg.Client(this.connectionConfig);
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

function connectionConfig(url) {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const [user, secret, database] = [username, password, pathname.slice(1)].map(decodeURIComponent);
  return { host: searchParams.get('host') ?? hostname, port: Number(port || 5432), user, password: secret, database };
}

async function startEngine(url, datamodels) {
  /** (4) Without a place for its message a panic hides itself. */
  globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: (message) => process.stderr.write(`${message}\n`) };
  const folder = dirname(fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg')));
  const module = await WebAssembly.compile(readFileSync(join(folder, 'schema_engine_bg.wasm')));
  const { exports } = await WebAssembly.instantiate(module, { './schema_engine_bg.js': engineModule });
  engineModule.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  const adapter = bindMigrationAwareSqlAdapterFactory(new SchemaEngineAdapter(connectionConfig(url)));
  const files = datamodels.map((file) => [file, readFileSync(file, 'utf8')]);
  return engineModule.SchemaEngine.new({ datamodels: files }, () => {}, adapter);
}

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

async function answer(engine, { id, method, params }) {
  try {
    const name = method === 'getDatabaseVersion' ? 'version' : method;
    const result = await engine[name](params);
    if (typeof result?.stdout === 'string') send({ id: `print-${id}`, method: 'print', params: { content: result.stdout } });
    send({ id, result: result ?? {} });
  } catch (error) {
    send({ id, error: { code: 4466, message: error.message, data: { is_panic: false, message: error.message, error_code: error.code } } });
  }
}

/** `cli can-connect-to-database` and `cli create-database`: one question, answered by exit code and one line of JSON. */
async function runCommand(name, url) {
  const { database, ...server } = connectionConfig(url);
  const client = new pg.Client({ ...server, database: name === 'create-database' ? 'postgres' : database });
  try {
    await client.connect();
    if (name === 'create-database') await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}`);
    return 0;
  } catch (error) {
    const fields = { error_code: error.code === '3D000' ? 'P1003' : 'P1001', message: `${database}: ${error.message}` };
    process.stderr.write(`${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}\n`);
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
const engine = await startEngine(url, values.datamodels ?? []);
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.method) await answer(engine, message);
}
process.exit(0);
