/**
 * Looks the installation over: each check says what it saw and, when something is not as it should be, what to do next.
 */
import { Inject, Injectable } from '@nestjs/common';
import { Pool } from 'pg';
import { KEY_STORE, type KeyEncryptionKey, type KeyStore } from '#directory';
import { CLOCK, type Clock, EVENT_STORE, type EventStore, instantToNanos } from '#event-store';
import { EVIDENCE, type Evidence } from '#evidence';
import { isKeyExported, KEY_ENCRYPTION_KEY, listDeadLetters } from '#operations';
import { PROJECTORS, type Projectors } from '#projections';
import { observeRelay, type Running, RUNNING } from './running.js';

export type Check = {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly next?: string;
};

const LAG_MAX = 10_000;
const LETTERS_MAX = 1_000;
const RELAY_LAG_SECONDS_MAX = 30;
const EVIDENCE_WAIT_MS = 5_000;
const CLOCK_DRIFT_SECONDS_MAX = 2;

@Injectable()
export class Doctor {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(KEY_STORE) private readonly keyStore: KeyStore,
    @Inject(KEY_ENCRYPTION_KEY) private readonly keyEncryptionKey: KeyEncryptionKey,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(PROJECTORS) private readonly projectors: Projectors,
    @Inject(EVIDENCE) private readonly evidence: Evidence,
    @Inject(RUNNING) private readonly running: Running,
    private readonly pool: Pool,
  ) {}

  /** Never throws: a check that cannot be made has failed. */
  async examine(): Promise<Check[]> {
    const checks: (readonly [string, () => Promise<Omit<Check, 'check'>>])[] = [
      ['event log', () => this.log()],
      ['durability', () => this.durability()],
      ['projections', () => this.projections()],
      ...(this.running.isFedByKafka ? [['relay', () => this.relay()] as const] : []),
      ['dead letters', () => this.deadLetters()],
      ['evidence', () => this.evidenceLog()],
      ['key-encryption key', () => this.exportedKey()],
      ['account keys', () => this.accountKeys()],
      ['clock', () => this.clockDrift()],
    ];
    return Promise.all(
      checks.map(async ([check, examine]) => {
        try {
          return { check, ...(await examine()) };
        } catch (error) {
          return { check, status: 'failed' as const, detail: (error as Error).message };
        }
      }),
    );
  }

  private async log(): Promise<Omit<Check, 'check'>> {
    const { rows } = await this.pool.query<{ version: string }>("SELECT current_setting('server_version') AS version");
    return { status: 'ok', detail: `${await this.store.head()} events, PostgreSQL ${rows[0]!.version}` };
  }

  /** The log promises durability (architecture §7.4), which these settings can take away. */
  private async durability(): Promise<Omit<Check, 'check'>> {
    const { rows } = await this.pool.query<{ name: string; setting: string }>(
      "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') ORDER BY name",
    );
    const off = rows.filter(({ setting }) => setting === 'off').map(({ name }) => name);
    const detail = rows.map(({ name, setting }) => `${name}=${setting}`).join(', ');
    if (off.length === 0) return { status: 'ok', detail };
    return { status: 'failed', detail, next: `Turn ${off.join(' and ')} on: an acknowledged event could be lost.` };
  }

  private async projections(): Promise<Omit<Check, 'check'>> {
    const head = await this.store.head();
    const all = await this.projectors.status();
    const stopped = all.filter(({ error }) => error);
    if (stopped.length > 0) {
      const detail = stopped
        .map(({ name, error }) => `${name} stopped at event ${error?.position ?? '?'}: ${error?.message}`)
        .join('; ');
      return {
        status: 'failed',
        detail,
        next: 'Mend the cause, then: kerbtrail dlq list, and kerbtrail dlq retry LETTER',
      };
    }
    const lag = Math.max(...all.map(({ position }) => head - position));
    return { status: lag > LAG_MAX ? 'warning' : 'ok', detail: `${all.length} running, at most ${lag} events behind` };
  }

  private async relay(): Promise<Omit<Check, 'check'>> {
    const { state, trouble, lag, lagSeconds = 0 } = (await observeRelay(this.running))!;
    const behind = `${lag} events to publish, the first for ${lagSeconds.toFixed(1)} s`;
    const detail = `${state}: ${behind}${trouble === undefined ? '' : `; ${trouble}`}`;
    if (state === 'failed') return { status: 'failed', detail, next: 'Mend the cause and restart the relay.' };
    if (trouble === undefined && lagSeconds <= RELAY_LAG_SECONDS_MAX) return { status: 'ok', detail };
    return {
      status: 'warning',
      detail,
      next: 'Events are still appended. Look at the brokers, and whether a process with role relay runs.',
    };
  }

  /** Of every process: a projection that stands still elsewhere shows here. */
  private async deadLetters(): Promise<Omit<Check, 'check'>> {
    const limit = LETTERS_MAX;
    const open = await listDeadLetters(this.pool, { statuses: ['open'], limit });
    if (open.length === 0) return { status: 'ok', detail: 'none is open' };
    const events = open.filter(({ kind }) => kind === 'event').length;
    const many = open.length === limit ? `${limit} or more are open` : `${open.length} open`;
    return {
      status: events > 0 ? 'failed' : 'warning',
      detail: `${many}, ${events} of them of read models that stand still`,
      next: 'Run: kerbtrail dlq list',
    };
  }

  private async evidenceLog(): Promise<Omit<Check, 'check'>> {
    const { refusal, trouble } = await this.evidence.settledStatus(EVIDENCE_WAIT_MS);
    if (refusal) {
      return {
        status: 'failed',
        detail: `no checkpoint is signed any more (${refusal.reason}): ${refusal.detail}`,
        next: 'Events are still appended. Run: kerbtrail verify, and do not move the witness away before you know why.',
      };
    }
    const [head, newest] = await Promise.all([this.store.head(), this.evidence.checkpoint()]);
    const behind = head - (newest?.size ?? 0);
    const detail = `${newest?.size ?? 0} events signed, ${behind} to sign, witness ${this.evidence.witness.place}`;
    if (trouble !== undefined && behind > 0)
      return { status: 'warning', detail: `${detail}; ${trouble}`, next: 'It is tried again.' };
    return { status: behind > LAG_MAX ? 'warning' : 'ok', detail };
  }

  private async exportedKey(): Promise<Omit<Check, 'check'>> {
    if (await isKeyExported(this.store, this.keyEncryptionKey)) return { status: 'ok', detail: 'exported for backup' };
    return {
      status: 'warning',
      detail: 'never exported: whoever loses this machine loses every account key',
      next: 'Run: kerbtrail key export, and keep the key apart from the database backups.',
    };
  }

  private async accountKeys(): Promise<Omit<Check, 'check'>> {
    const unsettled = await this.keyStore.unsettled(1_000);
    if (unsettled.length === 0) return { status: 'ok', detail: 'every stored key version is named by an event' };
    return { status: 'ok', detail: `${unsettled.length} key versions wait for the sweep at the next start` };
  }

  private async clockDrift(): Promise<Omit<Check, 'check'>> {
    const { rows } = await this.pool.query<{ now: string }>('SELECT clock_timestamp() AS now');
    const seconds = Number(instantToNanos(this.clock.now()) - instantToNanos(rows[0]!.now)) / 1e9;
    const detail = `${Math.abs(seconds).toFixed(3)} s apart from the database's`;
    if (Math.abs(seconds) <= CLOCK_DRIFT_SECONDS_MAX) return { status: 'ok', detail };
    return {
      status: 'warning',
      detail,
      next: 'Synchronise the clocks: instants and Kerberos skew checks depend on them.',
    };
  }
}
