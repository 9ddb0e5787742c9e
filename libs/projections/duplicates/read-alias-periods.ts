/** The alias maps of forests, for queries: as they are known now, or were at `asKnown`. */
import type { PrismaClient } from '#postgres';
import type { AliasMap } from '#spn';
import { toAliasPeriods, type AliasPeriods } from './alias-periods.js';

export async function readAliasPeriods(prisma: PrismaClient, asKnown?: bigint): Promise<AliasPeriods> {
  const policies = await prisma.forestPolicy.findMany({
    where: asKnown === undefined ? {} : { recordedAt: { lte: asKnown } },
    orderBy: [{ forest: 'asc' }, { version: 'asc' }],
    select: { forest: true, since: true, policy: true },
  });
  return toAliasPeriods(
    policies.map(({ forest, since, policy }) => {
      const { aliases } = policy as unknown as { readonly aliases: AliasMap };
      return { forest, since, aliases };
    }),
  );
}
