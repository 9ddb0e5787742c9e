/** `kerbtrail tickets`: tickets that KDCs issued, counted by service. A ticket is not an attempt: it is presented many times. */
import { type Command, Option } from 'commander';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import type { Page } from '../output.js';
import type { Sessions } from '../session.js';
import type { Column } from '../table.js';

type TicketRow = {
  readonly forest: string;
  readonly kind: string;
  readonly spn: string;
  readonly tickets: number;
  readonly clients: number;
};

const KINDS = ['service', 'forwarded-tgt', 'other-tgt'];
const FILTERS = ['forest', 'spn', 'since', 'until', 'limit', 'cursor'] as const satisfies readonly Filter[];

const columns: readonly Column<TicketRow>[] = [
  { head: 'SERVICE', value: ({ spn }) => spn },
  { head: 'KIND', value: ({ kind }) => kind },
  { head: 'FOREST', value: ({ forest }) => forest },
  { head: 'TICKETS', value: ({ tickets }) => tickets, align: 'right' },
  { head: 'CLIENTS', value: ({ clients }) => clients, align: 'right' },
];

export function addTicketsCommand(program: Command, sessions: Sessions): void {
  addFilters(program.command('tickets'), FILTERS)
    .summary('tickets issued, by service')
    .description('Tickets that KDCs issued, counted by service; forwarded and other TGTs apart.')
    .addOption(new Option('--kind <kind>', 'only these').choices(KINDS))
    .option('--client <principal>', 'issued to this client, such as alice@CORP.EXAMPLE')
    .addHelpText(
      'after',
      '\nExample:\n  kerbtrail tickets --kind service --since 1d\nNext:\n  kerbtrail attempts --spn SPN',
    )
    .action(
      sessions.action<[], { readonly kind?: string; readonly client?: string }>(
        async ({ client, output }, _, { kind, client: principal, ...options }) => {
          const parameters = { kind, client: principal, ...filtersOf(options, FILTERS) };
          output.page(await client.get<Page<TicketRow>>('/v1/tickets', parameters), columns, 'no ticket');
        },
      ),
    );
}
