/**
 * The keys that sign checkpoints: Ed25519 seeds (RFC 8032), made here, kept wrapped under the KEK in secret.log_key, named
 * by events. Two sign while one takes over from the other, so that whoever trusts only the old one has time to learn the new.
 */
import type { Pool } from 'pg';
import type { KeyEncryptionKey } from '#directory';
import { type Clock, compareInstants, type Random } from '#event-store';
import { newSigner, parseVerifierKey, type Signer, type Verifier } from '#tlog';
import { CheckpointKeyMissing } from './evidence.error.js';

const SEED_BYTES = 32;

/** A checkpoint key as the log's events have it. */
export type KeyPeriod = {
  readonly number: number;
  /** C2SP signed-note: `<origin>+<hex key id>+<base64 of type and public key>`. */
  readonly verifierKey: string;
  /** RFC 3339 UTC; it signs from then on, and until then. */
  readonly from: string;
  readonly until: string | null;
};

type SeedPorts = { readonly pool: Pool; readonly kek: KeyEncryptionKey };

/** The verifier key of the seed of that number, which is made if there is none: of two who ask at once both get one. */
export async function establishSeed(
  { pool, kek, random }: SeedPorts & { readonly random: Random },
  origin: string,
  number: number,
): Promise<string> {
  await pool.query('INSERT INTO secret.log_key (name, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    nameOf(number),
    kek.wrap(random(SEED_BYTES), labelOf(number)),
  ]);
  return newSigner(origin, await readSeed({ pool, kek }, number)).verifierKey;
}

/** Throws CheckpointKeyMissing and KeyUnwrapFailed. */
async function readSeed({ pool, kek }: SeedPorts, number: number): Promise<Buffer> {
  const { rows } = await pool.query<{ wrapped: Buffer }>('SELECT wrapped FROM secret.log_key WHERE name = $1', [
    nameOf(number),
  ]);
  if (!rows[0]) throw new CheckpointKeyMissing(number);
  return kek.unwrap(rows[0].wrapped, labelOf(number));
}

function nameOf(number: number): string {
  return `checkpoint/${number}`;
}

function labelOf(number: number): string {
  return `kerbtrail log key/${nameOf(number)}`;
}

export class CheckpointKeys {
  readonly #signers = new Map<number, Signer>();

  constructor(
    readonly origin: string,
    private readonly ports: SeedPorts & {
      readonly clock: Clock;
      /** Read before every signing, so that a rotation by another process holds at once. */
      readonly periods: () => Promise<readonly KeyPeriod[]>;
    },
  ) {}

  /** Every key that ever signed, the oldest first. */
  list(): Promise<readonly KeyPeriod[]> {
    return this.ports.periods();
  }

  async verifiers(): Promise<Verifier[]> {
    return (await this.list()).map(({ verifierKey }) => parseVerifierKey(verifierKey));
  }

  /** Those that sign now, the newest first. Throws CheckpointKeyMissing, also when another seed stands in its place. */
  async signers(): Promise<Signer[]> {
    const now = this.ports.clock.now();
    const signing = (await this.list()).filter(({ until }) => until === null || compareInstants(now, until) < 0);
    return Promise.all(signing.toReversed().map((period) => this.#signer(period)));
  }

  async #signer({ number, verifierKey }: KeyPeriod): Promise<Signer> {
    const known = this.#signers.get(number);
    if (known) return known;
    const signer = newSigner(this.origin, await readSeed(this.ports, number));
    if (signer.verifierKey !== verifierKey) throw new CheckpointKeyMissing(number);
    this.#signers.set(number, signer);
    return signer;
  }
}
