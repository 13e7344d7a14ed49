// Buttons, selects and the newer components of messages.

import { local } from './api.js';
import { h, toast } from './dom.js';
import { isSafe, picture } from './embed.js';
import { icon } from './icons.js';
import { interact } from './interact.js';
import { nameOf, serverOf, state, titleOf } from './state.js';
import { rendered, spoiler } from './text.js';

/** Where link buttons lead. */
const isLink = (url) => /^(https?|discord):\/\//i.test(url ?? '');
const BUTTON_STYLES = { 1: 'primary', 2: 'secondary', 3: 'success', 4: 'danger', 5: 'link', 6: 'primary' };

/** All components of a message. */
export function components(message) {
  return (message.components ?? []).map((part) => component(part, message));
}

function component(part, message) {
  switch (part.type) {
    case 1: return h('div', { class: 'row' }, (part.components ?? []).map((inner) => component(inner, message)));
    case 2: return button(part, message);
    case 3: case 5: case 6: case 7: case 8: return select(part, message);
    case 9: return h('div', { class: 'section' }, h('div', {}, (part.components ?? []).map((inner) => component(inner, message))),
      part.accessory && component(part.accessory, message));
    case 10: return h('div', { class: 'display' }, rendered(part.content ?? ''));
    case 11: return covered(part, picture(fileUrl(part.media, message), part.description, 'thumbnail'));
    case 12: return h('div', { class: 'gallery' }, (part.items ?? []).map((item) => covered(item, picture(fileUrl(item.media, message), item.description))));
    case 13: return file(part, message);
    case 14: return h('hr', { class: part.divider === false ? 'gap' : 'rule', data: { spacing: String(part.spacing ?? 1) } });
    case 17: return container(part, message);
    default: return h('p', { class: 'small' }, `a component of type ${part.type}`);
  }
}

const covered = (part, made) => (part.spoiler ? spoiler(made, 'spoiler cover') : made);

function container(part, message) {
  const colour = Number.isInteger(part.accent_color) ? `#${part.accent_color.toString(16).padStart(6, '0')}` : 'transparent';
  const made = h('div', { class: 'container', color: colour }, (part.components ?? []).map((inner) => component(inner, message)));
  return covered(part, made);
}

/** `attachment://name` names a file of the same message. */
function fileUrl(media, message) {
  const url = media?.url ?? '';
  if (!url.startsWith('attachment://')) return url;
  return message.attachments?.find((file) => file.filename === url.slice(13))?.url ?? '';
}

function file(part, message) {
  const url = local(fileUrl(part.file, message));
  if (!isSafe(url)) return null;
  const name = part.name ?? url.split('?')[0].split('/').at(-1);
  return covered(part, h('div', { class: 'file' }, icon('file'), h('a', { href: url, target: '_blank', rel: 'noopener' }, name)));
}

function button(part, message) {
  const style = BUTTON_STYLES[part.style] ?? 'secondary';
  const label = [part.emoji?.name && h('span', { class: 'emoji' }, part.emoji.id ? `:${part.emoji.name}:` : part.emoji.name), part.label];
  if (part.style === 5) {
    return h('a', { class: `button ${style}`, href: isLink(part.url) ? part.url : null, target: '_blank', rel: 'noopener noreferrer' }, label, icon('link'));
  }
  const press = (event) => use(event.currentTarget, { message_id: message.id, custom_id: part.custom_id }, message);
  return h('button', { class: `button ${style}`, type: 'button', disabled: part.disabled === true, on: { click: press } }, label);
}

async function use(control, used, message) {
  control.setAttribute('aria-busy', 'true');
  control.disabled = true;
  try {
    await interact(message.channel_id, { component: used });
  } catch (error) {
    toast(error.message, 'problem');
  } finally {
    control.removeAttribute('aria-busy');
    control.disabled = false;
  }
}

/** What a select offers: its own options, or people, roles and channels. */
export function optionsOf(part) {
  if (part.type === 3 || part.options) return part.options ?? [];
  const server = serverOf(state.channelId);
  const presets = new Set((part.default_values ?? []).map((value) => value.id));
  const entry = (value, label) => ({ value, label, default: presets.has(value) });
  const users = (server?.members ?? [{ user: state.view.me }, { user: state.view.bot }]).map(({ user }) => entry(user.id, nameOf(user)));
  const roles = (server?.roles ?? []).map((role) => entry(role.id, `@${role.name.replace(/^@/, '')}`));
  const fits = (channel) => !part.channel_types?.length || part.channel_types.includes(channel.type);
  if (part.type === 5) return users;
  if (part.type === 6) return roles;
  if (part.type === 7) return [...users, ...roles];
  return (server?.channels ?? []).filter(fits).map((channel) => entry(channel.id, `#${titleOf(channel)}`));
}

function select(part, message) {
  const send = (control, values) => use(control, { message_id: message.id, custom_id: part.custom_id, values }, message);
  const most = part.max_values ?? 1;
  if (most > 1) return several(part, send);
  const options = optionsOf(part);
  const shown = options.map((option) => h('option', { value: option.value, selected: option.default === true },
    [option.emoji?.id ? '' : option.emoji?.name, option.label].filter(Boolean).join(' ')));
  const placeholder = h('option', { value: '', disabled: true, hidden: true, selected: !options.some((option) => option.default) }, part.placeholder ?? 'Choose one');
  return h('span', { class: 'select' }, h('select', {
    disabled: part.disabled === true, 'aria-label': part.placeholder ?? 'Choose one',
    on: { change: (event) => send(event.currentTarget, [event.currentTarget.value]) },
  }, placeholder, shown), icon('down'));
}

function several(part, send) {
  const boxes = optionsOf(part).map((option) => h('label', { class: 'check' },
    h('input', { type: 'checkbox', value: option.value, checked: option.default === true }),
    h('span', {}, option.label, option.description && h('small', {}, option.description))));
  const least = part.min_values ?? 1;
  const most = part.max_values;
  const apply = (event) => {
    const values = [...details.querySelectorAll('input:checked')].map((box) => box.value);
    if (values.length < least || values.length > most) return toast(`Choose ${least} to ${most}`, 'problem');
    return send(event.currentTarget, values);
  };
  const details = h('details', { class: 'several' }, h('summary', {}, part.placeholder ?? `Choose up to ${most}`, icon('down')),
    h('div', { class: 'options' }, boxes, h('button', { class: 'button primary', type: 'button', on: { click: apply } }, 'Apply')));
  return details;
}
