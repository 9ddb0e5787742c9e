/**
 * The evidence log at start: the log's origin and first key, made once per log by whichever process is first; the witness and
 * the keeper behind the log, in processes with role `api`.
 */
import type { Pool } from 'pg';
import type { KeyEncryptionKey, NameKey } from '#directory';
import type { Clock, EventStore, Random } from '#event-store';
import { CheckpointKeys, establishSeed, type Evidence, openWitness, startEvidence } from '#evidence';
import { checkpointKeys, type CheckpointSeeds, establishCheckpointOrigin, recordWitness } from '#operations';
import { InvalidConfiguration, type ServerConfig } from '../config.js';

type LogKeyPorts = {
  readonly config: ServerConfig;
  readonly store: EventStore;
  readonly pool: Pool;
  readonly kek: KeyEncryptionKey;
  readonly nameKey: NameKey;
  readonly clock: Clock;
  readonly random: Random;
};

type EvidencePorts = LogKeyPorts & {
  readonly origin: string;
  readonly keeperPool: Pool;
  readonly log: (message: string) => void;
};

const LOG_ID_BYTES = 8;

export function checkpointSeeds({ pool, kek, random }: Pick<LogKeyPorts, 'pool' | 'kek' | 'random'>): CheckpointSeeds {
  return { establish: (origin, key) => establishSeed({ pool, kek, random }, origin, key) };
}

/** Throws InvalidConfiguration when KERBTRAIL_LOG_ORIGIN is not the origin that the log has had from its first start. */
export async function establishOrigin(ports: LogKeyPorts): Promise<string> {
  const { config, random } = ports;
  const seeds = checkpointSeeds(ports);
  const proposed = config.logOrigin ?? `kerbtrail/${random(LOG_ID_BYTES).toString('hex')}`;
  const origin = await establishCheckpointOrigin({ ...ports, seeds }, proposed);
  if (config.logOrigin === undefined || config.logOrigin === origin) return origin;
  throw new InvalidConfiguration(
    `KERBTRAIL_LOG_ORIGIN is "${config.logOrigin}", and this log's checkpoints have named it "${origin}" from its first start: take the variable out, or set it to that.`,
  );
}

export function openEvidence(ports: EvidencePorts): Evidence {
  const { config, origin, store, pool, keeperPool, kek, clock, log } = ports;
  const witness = openWitness(config.witness, origin);
  return startEvidence({
    store,
    pool,
    keeperPool,
    keys: new CheckpointKeys(origin, { pool, kek, clock, periods: () => checkpointKeys(store) }),
    witness,
    clock,
    log,
    onWitnessEstablished: ({ size, root }) =>
      recordWitness(ports, { witness: witness.place, size, root: root.toString('base64') }),
  });
}
