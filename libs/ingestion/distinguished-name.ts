/**
 * The DNS domain of an Active Directory name (RFC 2247: the trailing DC components), lower case. The application partitions
 * that hold DNS zones are named below the domain but are no domains.
 */
const PARTITIONS = new Set(['domaindnszones', 'forestdnszones']);

export function dnsDomainOf(distinguishedName: string): string | undefined {
  const labels: string[] = [];
  for (const component of distinguishedName.split(',').toReversed()) {
    const label = /^\s*dc=([^\s\\=+";<>]+)\s*$/i.exec(component)?.[1];
    if (!label) break;
    labels.unshift(label.toLowerCase());
  }
  if (PARTITIONS.has(labels[0] ?? '')) labels.shift();
  return labels.length > 0 ? labels.join('.') : undefined;
}
