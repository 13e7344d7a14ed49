// Times as people write them.

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const short = new Intl.DateTimeFormat(undefined, { dateStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export const timeOf = (date) => clock.format(date);
export const fullTime = (date) => full.format(date);

/** Names a day: today, yesterday or its date. */
export function dayOf(date) {
  const days = Math.round((startOfDay(new Date()) - startOfDay(date)) / 86400000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return day.format(date);
}

/** Says when, as short as it can be understood. */
export function when(date) {
  const name = dayOf(date);
  const isNear = name === 'Today' || name === 'Yesterday';
  return isNear ? `${name} at ${timeOf(date)}` : `${short.format(date)} ${timeOf(date)}`;
}

export function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

const STYLES = {
  t: { timeStyle: 'short' }, T: { timeStyle: 'medium' }, d: { dateStyle: 'short' },
  D: { dateStyle: 'long' }, f: { dateStyle: 'long', timeStyle: 'short' },
  F: { dateStyle: 'full', timeStyle: 'short' },
};

/** Writes a time of a message (`<t:unix:style>`). */
export function stamp(seconds, style) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return 'an impossible time';
  if (style !== 'R') return new Intl.DateTimeFormat(undefined, STYLES[style] ?? STYLES.f).format(date);
  const away = (date.getTime() - Date.now()) / 1000;
  const steps = [['year', 31536000], ['month', 2592000], ['day', 86400], ['hour', 3600], ['minute', 60]];
  const [unit, length] = steps.find(([, length]) => Math.abs(away) >= length) ?? ['second', 1];
  return relative.format(Math.round(away / length), unit);
}

/** Writes a span of milliseconds. */
export function span(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60000 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 60000).toFixed(1)} min`;
}
