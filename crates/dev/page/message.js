// One message: its head, its text, what hangs on it, and what can be done with it.

import * as api from './api.js';
import { avatar, nameHue } from './avatar.js';
import { h, toast } from './dom.js';
import { components } from './components.js';
import { openActions } from './dialogs.js';
import { attachment, embed, poll } from './embed.js';
import { dismiss } from './events.js';
import { icon } from './icons.js';
import { useOn } from './interact.js';
import { nameOf, serverOf, state, tell } from './state.js';
import { reactionChips, reactionTools } from './reactions.js';
import { isJumbo, rendered } from './text.js';
import { mayStart, startThread, startedThread, threadLink } from './threads.js';
import { fullTime, timeOf, when } from './time.js';

const EPHEMERAL = 64;
const LOADING = 128;
const MANAGE_MESSAGES = 1n << 13n;
const ADMINISTRATOR = 1n << 3n;
/** What the system says, by the type of its messages. */
const SYSTEM = { 1: 'added somebody', 4: 'changed the name of the channel', 6: 'pinned a message', 7: 'joined', 18: 'started a thread', 21: 'started this thread' };

/** Types of messages that refer to another: replies, answers of commands, the beginning of a thread. */
const ANSWERS = [19, 20, 21];

export const isEphemeral = (message) => (message.flags & EPHEMERAL) !== 0;
export const isSystem = (message) => message.type in SYSTEM;
const isMine = (message) => message.author.id === state.view.me.id && !message.webhook_id;

function mayManage(message) {
  const rights = BigInt(serverOf(message.channel_id)?.permissions ?? 0);
  return isMine(message) || (rights & (MANAGE_MESSAGES | ADMINISTRATOR)) !== 0n;
}

/** A persona speaks through a webhook, with a name and a picture of its own. */
const isPersona = (message) => Boolean(message.webhook_id) && message.webhook_id !== state.view.application_id;
const isBotUser = (message) => message.author.id === state.view.bot.id;

function pictureOf(message) {
  const { author } = message;
  const url = author.avatar_url ?? (/^(https?:|data:|\/)/.test(author.avatar ?? '') ? author.avatar : null);
  return avatar(nameOf(author), { url: url && api.local(url), isBot: isBotUser(message) });
}

/** Makes the element of a message; `isCompact` when it goes on where the last one ended. */
export function messageItem(message, isCompact) {
  const isForMe = message.mentions?.some((user) => user.id === state.view.me.id) || message.mention_everyone;
  const classes = ['message', isCompact && 'compact', isForMe && 'for-me', isEphemeral(message) && 'ephemeral', state.selected === message.id && 'selected'];
  const date = new Date(message.timestamp);
  const side = isCompact ? h('time', { class: 'side-time', datetime: message.timestamp }, timeOf(date)) : pictureOf(message);
  const label = `${nameOf(message.author)}, ${when(date)}`;
  return h('li', { class: classes.filter(Boolean).join(' '), tabindex: '-1', id: `message-${message.id}`, data: { id: message.id }, 'aria-label': label },
    above(message), h('div', { class: 'gutter' }, side),
    h('div', { class: 'body' }, !isCompact && head(message, date), content(message)), tools(message));
}

function head(message, date) {
  const { author } = message;
  const badge = (isPersona(message) && h('span', { class: 'badge persona' }, 'persona'))
    || ((author.bot || isBotUser(message)) && h('span', { class: 'badge' }, 'bot'));
  return h('h3', { class: 'head' }, h('span', { class: 'name', color: nameHue(nameOf(author)) }, nameOf(author)), badge,
    h('time', { datetime: message.timestamp, title: fullTime(date) }, when(date)));
}

function above(message) {
  if (message.interaction_metadata && !message.message_reference) {
    const { user, id, name } = message.interaction_metadata;
    const command = name ?? state.used.get(id);
    const what = command ? ['used ', h('b', {}, commandTitle(command))] : 'asked the bot';
    return message.type === 20 && h('p', { class: 'above' }, avatar(nameOf(user)), h('b', {}, nameOf(user)), ' ', what);
  }
  if (!ANSWERS.includes(message.type)) return null;
  const replied = message.referenced_message;
  if (!replied) return h('p', { class: 'above' }, icon('reply'), h('i', {}, 'The message was deleted'));
  const text = replied.content || (replied.attachments?.length ? 'an attachment' : 'a message');
  return h('button', { class: 'above', type: 'button', title: 'Go to the message', on: { click: () => tell('jump', { id: replied.id, channelId: replied.channel_id }) } },
    avatar(nameOf(replied.author), { isBot: replied.author.id === state.view.bot.id }), h('b', {}, nameOf(replied.author)),
    h('span', { class: 'excerpt' }, plainly(text)));
}

/** Commands of menus have no slash. */
function commandTitle(name) {
  const isOfMenu = state.commands.some((command) => command.name === name && command.type !== 1);
  return isOfMenu ? name : `/${name}`;
}

/** The first words of a message, without its marks. */
export function plainly(text) {
  const named = text.replace(/<@!?(\d+)>/g, (_, id) => `@${nameOf(memberOf(id))}`);
  return named.replace(/```[\s\S]*?```/g, '‹code›').replace(/\|\|[\s\S]+?\|\|/g, '‹spoiler›').replace(/[*_~`>#]/g, '').replace(/\s+/g, ' ').slice(0, 160);
}

function memberOf(id) {
  if (id === state.view.bot.id) return state.view.bot;
  return state.view.servers.flatMap((server) => server.members).find((member) => member.user.id === id)?.user;
}

function content(message) {
  if (isSystem(message)) return h('p', { class: 'system' }, SYSTEM[message.type], startedThread(message));
  if ((message.flags & LOADING) !== 0) {
    return [h('p', { class: 'thinking' }, dots(), `${nameOf(message.author)} is thinking…`), foot(message)];
  }
  const text = message.content;
  const forwarded = message.message_snapshots?.map(({ message: copy }) => h('blockquote', { class: 'forwarded' },
    h('small', {}, 'Forwarded'), rendered(copy.content ?? ''), (copy.attachments ?? []).map(attachment)));
  return [
    text && h('div', { class: isJumbo(text) ? 'content jumbo' : 'content' }, rendered(text), message.edited_timestamp && edited(message)),
    forwarded,
    (message.attachments ?? []).length > 0 && h('div', { class: 'attachments' }, message.attachments.map(attachment)),
    (message.sticker_items ?? []).map((sticker) => h('span', { class: 'sticker' }, sticker.name)),
    (message.embeds ?? []).map(embed),
    message.poll && poll(message.poll),
    (message.components ?? []).length > 0 && h('div', { class: 'components' }, components(message)),
    reactionChips(message), threadLink(message), foot(message),
  ];
}

const edited = (message) => h('small', { class: 'edited', title: fullTime(new Date(message.edited_timestamp)) }, ' (edited)');

/** Three dots that move. */
export const dots = () => h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));

function foot(message) {
  if (!isEphemeral(message)) return null;
  return h('p', { class: 'foot' }, icon('eye'), 'Only you can see this · ',
    h('button', { class: 'text-button', type: 'button', on: { click: () => dismiss(message) } }, 'Dismiss'));
}

function tools(message) {
  const button = (name, label, act) => h('button', { class: 'tool', type: 'button', title: label, 'aria-label': label, tabindex: '-1', on: { click: (event) => act(event.currentTarget) } }, icon(name));
  if (isEphemeral(message) || isSystem(message)) {
    return h('div', { class: 'tools' }, button('route', 'What happened', () => inspect(message)));
  }
  return h('div', { class: 'tools', role: 'group', 'aria-label': 'Message' },
    reactionTools(message),
    button('reply', 'Reply', () => reply(message)),
    isMine(message) && button('edit', 'Edit', () => edit(message)),
    button('route', 'What happened', () => inspect(message)),
    button('menu', 'More', (anchor) => more(message, anchor)));
}

function more(message, anchor) {
  const copy = (text) => navigator.clipboard?.writeText(text).then(() => toast('Copied'));
  openActions(anchor, [
    mayStart(message) && ['thread', 'Start a thread', () => thread(message)],
    ...ofMenus(message),
    ['copy', 'Copy the text', () => copy(message.content)],
    ['copy', 'Copy the id', () => copy(message.id)],
    mayManage(message) && ['trash', 'Delete', () => destroy(message), 'danger'],
  ]);
}

/** The commands that the bot offers for messages and for people. */
function ofMenus(message) {
  const on = { 2: message.webhook_id ? null : message.author.id, 3: message.id };
  return state.commands.filter((command) => on[command.type])
    .map((command) => ['slash', command.name, () => useOn(message.channel_id, command, on[command.type])]);
}

export function reply(message) {
  state.replyTo = message;
  state.editing = null;
  tell('compose');
}

export function edit(message) {
  if (!isMine(message)) return;
  state.editing = message;
  state.replyTo = null;
  tell('compose');
}

export function thread(message) {
  if (mayStart(message)) startThread(message.channel_id, message);
}

export function inspect(message) {
  state.selected = message.id;
  tell('inspect', message);
}

export async function destroy(message) {
  if (!mayManage(message)) return;
  const path = `/channels/${message.channel_id}/messages/${message.id}`;
  await api.remove(path).catch((error) => toast(error.message, 'problem'));
}
