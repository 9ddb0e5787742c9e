import { describe, expect, it } from '@jest/globals';
import { StreamLinks } from './stream-links.js';

const leafAt = (position: number): string => `leaf ${position}`;

/** Streams by name in order of position; each event linked as the log links it. */
function events(...streams: string[]) {
  return streams.map((stream, index) => {
    const before = streams.slice(0, index).filter((name) => name === stream).length;
    const previous = streams.lastIndexOf(stream, index - 1);
    const prev = index > 0 && previous >= 0 ? leafAt(previous + 1) : null;
    return { position: index + 1, stream, version: before + 1, prev };
  });
}

function follow(links: StreamLinks, added: readonly (ReturnType<typeof events>[number] & { leaf?: string })[]) {
  for (const { position, leaf = leafAt(position), ...event } of added) links.add(position, event, leaf);
  return links;
}

describe('the links of streams', () => {
  const whole = events('a', 'b', 'a', 'c', 'b', 'a');

  it('hold in a log as it was written', () => {
    const links = follow(new StreamLinks(), whole);
    expect(links.broken()).toBeUndefined();
    expect(links.counts()).toEqual({ followed: 6, unfollowed: 0 });
  });

  it('name the changed event whose successor knew it otherwise', () => {
    const changed = whole.map((event) => (event.position === 2 ? { ...event, leaf: 'another' } : event));
    expect(follow(new StreamLinks(), changed).broken()).toMatchObject({ position: 2, kind: 'changed' });
  });

  it('name the earliest of several, whichever is met first', () => {
    const changed = whole.map((event) => ([1, 2].includes(event.position) ? { ...event, leaf: 'another' } : event));
    const swappedSuccessors = [changed[0]!, changed[1]!, changed[4]!, changed[2]!].map((event, index) => ({
      ...event,
      position: index + 1,
    }));
    expect(follow(new StreamLinks(), swappedSuccessors).broken()).toMatchObject({ position: 1 });
  });

  it('name the place where a version is missing, and where one comes twice', () => {
    expect(follow(new StreamLinks(), whole.toSpliced(2, 1)).broken()).toMatchObject({ position: 6, kind: 'removed' });
    const twice = [...whole, { ...whole[5]!, position: 7 }];
    expect(follow(new StreamLinks(), twice).broken()).toMatchObject({ position: 7, kind: 'inserted' });
  });

  it('that begin before the range are counted, not judged; those within it are', () => {
    const links = follow(new StreamLinks({ from: 3 }), whole.slice(2));
    expect(links.broken()).toBeUndefined();
    expect(links.counts()).toEqual({ followed: 2, unfollowed: 2 });
    const changed = whole.slice(2).map((event) => (event.position === 3 ? { ...event, leaf: 'another' } : event));
    expect(follow(new StreamLinks({ from: 3 }), changed).broken()).toMatchObject({ position: 3 });
  });

  it('that reach past the streams kept are counted, not judged', () => {
    const links = follow(new StreamLinks({ streamsMax: 1 }), whole);
    expect(links.broken()).toBeUndefined();
    expect(links.counts()).toEqual({ followed: 3, unfollowed: 3 });
  });

  it('that reach into what was withheld are counted; without withheld events the gap is a fault', () => {
    const links = new StreamLinks();
    follow(links, whole.slice(0, 2));
    links.addWithheld(3);
    follow(links, whole.slice(3));
    expect(links.broken()).toBeUndefined();
    expect(links.counts()).toEqual({ followed: 4, unfollowed: 1 });
  });
});
