// Embeds, attachments and pictures.

import { local } from './api.js';
import { h, size } from './dom.js';
import { showPicture } from './dialogs.js';
import { icon } from './icons.js';
import { rendered, spoiler } from './text.js';
import { when } from './time.js';

/** Whether an address may be shown or led to: of the web, of a file here, or a picture in itself. */
export const isSafe = (url) => /^(https?:\/\/|\/attachments\/|data:image\/)/.test(url ?? '');

/** A link that opens elsewhere; plain text where the address is none. */
function linked(text, url, className) {
  if (!isSafe(url)) return h('span', { class: className }, text);
  return h('a', { class: className, href: url, target: '_blank', rel: 'noopener noreferrer' }, text);
}

/** A picture that opens large. */
export function picture(url, description, className = 'picture') {
  const source = local(url);
  if (!isSafe(source)) return null;
  const image = h('img', { src: source, alt: description || 'Picture', loading: 'lazy', referrerpolicy: 'no-referrer' });
  return h('button', {
    class: className, type: 'button', 'aria-label': `Show ${description || 'picture'} large`,
    on: { click: () => showPicture(source, description) },
  }, image);
}

/** One embed. */
export function embed(data) {
  const colour = Number.isInteger(data.color) ? `#${data.color.toString(16).padStart(6, '0')}` : 'var(--line-strong)';
  const author = data.author && h('p', { class: 'embed-author' },
    isSafe(data.author.icon_url) && h('img', { src: local(data.author.icon_url), alt: '' }), linked(data.author.name ?? '', data.author.url));
  const fields = (data.fields ?? []).map((field) => h('div', { class: field.inline ? 'embed-field inline' : 'embed-field' },
    h('h4', {}, rendered(field.name ?? '')), rendered(field.value ?? '')));
  const footer = (data.footer || data.timestamp) && h('p', { class: 'embed-footer' },
    isSafe(data.footer?.icon_url) && h('img', { src: local(data.footer.icon_url), alt: '' }),
    [data.footer?.text, data.timestamp && when(new Date(data.timestamp))].filter(Boolean).join(' · '));
  return h('article', { class: 'embed', color: colour },
    data.thumbnail && picture(data.thumbnail.url, 'Thumbnail', 'embed-thumbnail'),
    data.provider && h('p', { class: 'embed-provider' }, data.provider.name),
    author,
    data.title && h('h3', { class: 'embed-title' }, linked(data.title, data.url)),
    data.description && h('div', { class: 'embed-description' }, rendered(data.description)),
    fields.length > 0 && h('div', { class: 'embed-fields' }, fields),
    data.image && picture(data.image.url, 'Picture'),
    footer);
}

/** One attachment: a picture, sound and film by themselves, anything else as a card. */
export function attachment(file) {
  const kind = file.content_type ?? '';
  const url = local(file.url);
  const isHidden = (file.filename ?? '').startsWith('SPOILER_') || (file.flags & 8) !== 0;
  let made = null;
  if (kind.startsWith('image/')) made = picture(url, file.description || file.filename);
  else if (kind.startsWith('video/')) made = h('video', { class: 'film', src: url, controls: true, preload: 'metadata' });
  else if (kind.startsWith('audio/')) made = h('audio', { class: 'sound', src: url, controls: true, preload: 'metadata' });
  else made = card(file, url);
  return isHidden ? spoiler(made, 'spoiler cover') : made;
}

function card(file, url) {
  return h('div', { class: 'file' }, icon('file'), h('div', {},
    h('a', { href: url, target: '_blank', rel: 'noopener', download: file.filename }, file.filename), h('small', {}, size(file.size ?? 0))));
}

/** A poll, as it stands. */
export function poll(data) {
  const counts = new Map((data.results?.answer_counts ?? []).map((count) => [count.id, count.count]));
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const answers = (data.answers ?? []).map(({ answer_id: id, poll_media: media }) => {
    const count = counts.get(id) ?? 0;
    return h('li', {}, h('span', {}, [media.emoji?.name, media.text].filter(Boolean).join(' ')),
      h('meter', { min: 0, max: Math.max(total, 1), value: String(count) }), h('small', {}, String(count)));
  });
  return h('section', { class: 'poll' }, h('h3', {}, data.question?.text ?? ''), h('ul', {}, answers),
    h('small', {}, `${total} ${total === 1 ? 'vote' : 'votes'}`));
}
