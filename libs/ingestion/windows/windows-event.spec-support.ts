/** Windows events as wevtutil and winlogbeat write them. */
export type Written = {
  readonly id: number;
  readonly channel: string;
  readonly computer: string;
  readonly record: string;
  /** 100 ns. */
  readonly time: string;
  readonly data: Readonly<Record<string, string>>;
};

const PROVIDER = 'Microsoft-Windows-Security-Auditing';

export function anEvent(id: number, data: Readonly<Record<string, string>>): Written {
  const time = '2026-11-22T10:53:32.9333921Z';
  return { id, channel: 'Security', computer: 'DC1.corp.example', record: '4711', time, data };
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;');

export function xmlOf({ id, channel, computer, record, time, data }: Written): string {
  const fields = Object.entries(data).map(([name, value]) => `<Data Name='${name}'>${escape(value)}</Data>`);
  return (
    `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>` +
    `<Provider Name='${PROVIDER}' Guid='{54849625-5478-4994-a5ba-3e3b0328c30d}'/><EventID>${id}</EventID><Version>0</Version>` +
    `<TimeCreated SystemTime='${time}'/><EventRecordID>${record}</EventRecordID><Correlation/>` +
    `<Channel>${channel}</Channel><Computer>${computer}</Computer><Security/></System>` +
    `<EventData>${fields.join('')}</EventData></Event>`
  );
}

export function jsonOf({ id, channel, computer, record, time, data }: Written): string {
  const winlog = { channel, computer_name: computer, event_data: data, event_id: String(id), provider_name: PROVIDER };
  return JSON.stringify({
    '@timestamp': time.replace(/(\.\d{3})\d+Z$/, '$1Z'),
    message: 'rendered text',
    host: { name: computer },
    winlog: { ...winlog, record_id: record === '' ? undefined : Number(record) },
  });
}
