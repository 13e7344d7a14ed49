// Where one writes: text, files, replies and edits; and who else is writing.

import * as api from './api.js';
import { byId, fill, h, size, toast } from './dom.js';
import { openCommand } from './commands.js';
import { pickEmoji, withEmojis } from './emoji.js';
import { icon } from './icons.js';
import { dots, plainly } from './message.js';
import { channelOf, isThread, logOf, nameOf, on, state, titleOf, userOf } from './state.js';
import { Offers, offersFor, withIds, withNames } from './suggest.js';
import { focusMessage, toEnd } from './timeline.js';

/** Discord's clients tell that somebody types at most this often. */
const TYPING_EVERY_MS = 8000;
const LARGEST_FILE = 10 * 1024 * 1024;
const MOST_FILES = 10;

const form = byId('composer');
const drafts = new Map();
let files = [];
let commands = [];
const SLASH = 1;
let typedAt = 0;
let parts = null;

/** Starts it. */
export function startComposer() {
  build();
  on('channel', opened);
  on('compose', compose);
  on('typing', (channelId) => channelId === state.channelId && drawTyping());
  on('view', () => state.channelId && drawPlaceholder());
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  for (const type of ['dragover', 'drop']) {
    document.addEventListener(type, (event) => {
      if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return;
      event.preventDefault();
      if (type === 'drop') addFiles(event.dataTransfer.files);
    });
  }
}

function build() {
  const area = h('textarea', {
    id: 'write', class: 'write', rows: 1, maxlength: 4000, 'aria-label': 'Message', 'aria-autocomplete': 'list', 'aria-controls': 'offers',
    on: { input: written, keydown: keys, paste: pasted, blur: () => offers.show(null) },
  });
  const picker = h('input', { type: 'file', id: 'files', multiple: true, hidden: true, on: { change: () => { addFiles(picker.files); picker.value = ''; } } });
  const button = (name, label, act, className = 'ghost') => h('button', { class: className, type: 'button', title: label, 'aria-label': label, on: { click: act } }, icon(name));
  const list = h('ul', { id: 'offers', class: 'offers', role: 'listbox', 'aria-label': 'Suggestions', hidden: true });
  const offers = new Offers(list, chosen);
  const call = button('lamp', 'Speak to the bot', toggleCall, 'call');
  const line = h('div', { class: 'line' }, button('clip', 'Attach files', () => picker.click()), area, call,
    button('slash', 'Commands', () => { area.value = '/'; area.focus(); written(); }),
    button('smile', 'Emojis', (event) => pickEmoji(event.currentTarget, insert)),
    h('button', { class: 'send', type: 'submit', title: 'Send', 'aria-label': 'Send' }, icon('send')));
  parts = { area, offers, call, bar: h('div', { class: 'bar', hidden: true }), tray: h('ul', { class: 'tray', hidden: true }), typing: h('p', { class: 'typing', 'aria-live': 'polite' }), slot: h('div', { class: 'slot' }), line };
  fill(form, list, parts.bar, parts.tray, h('div', { class: 'slot-or-line' }, parts.slot, line), parts.typing, picker);
}

async function opened(channelId) {
  const { area } = parts;
  if (area.dataset.channel) drafts.set(area.dataset.channel, area.value);
  area.dataset.channel = channelId;
  area.value = drafts.get(channelId) ?? '';
  files = [];
  Object.assign(state, { replyTo: null, editing: null });
  closeCommand();
  compose();
  drawTray();
  drawTyping();
  drawPlaceholder();
  offer([]);
  const all = await api.get('/commands', { user: state.user, channel_id: channelId }).catch(() => []);
  if (state.channelId === channelId) offer(all);
}

function offer(all) {
  state.commands = all;
  commands = all.filter((command) => command.type === SLASH);
}

function drawPlaceholder() {
  const channel = channelOf(state.channelId);
  const isDirect = channel?.type === 1;
  parts.area.placeholder = isDirect ? `Message ${titleOf(channel)}` : `Message ${isThread(channel) ? '' : '#'}${titleOf(channel)}`;
  parts.call.hidden = isDirect;
  const isOn = calls();
  parts.call.setAttribute('aria-pressed', String(isOn));
  parts.call.title = isOn ? `You speak to ${nameOf(state.view.bot)}: your message begins with a mention` : `You speak to everybody; press to speak to ${nameOf(state.view.bot)}`;
}

/** Whether messages are put to the bot; in servers it answers when it is mentioned. */
const calls = () => localStorage.getItem(`call:${state.user}`) !== 'no';

function toggleCall() {
  localStorage.setItem(`call:${state.user}`, calls() ? 'no' : 'yes');
  drawPlaceholder();
  parts.area.focus();
}

/** Shows what is replied to or edited. */
function compose() {
  const { bar, area } = parts;
  const { replyTo, editing } = state;
  const message = replyTo ?? editing;
  bar.hidden = !message;
  if (message) {
    const what = replyTo ? ['Replying to ', h('b', {}, nameOf(message.author))] : 'Editing your message';
    fill(bar, icon(replyTo ? 'reply' : 'edit'), h('span', {}, what), h('span', { class: 'excerpt' }, plainly(message.content)),
      h('button', { class: 'ghost', type: 'button', title: 'Leave it', 'aria-label': 'Leave it', on: { click: leave } }, icon('close')));
    if (editing) area.value = withNames(editing.content);
    area.focus();
  }
  grow();
}

function leave() {
  if (state.editing) parts.area.value = '';
  Object.assign(state, { replyTo: null, editing: null });
  compose();
  parts.area.focus();
}

function grow() {
  const { area } = parts;
  area.style.height = 'auto';
  area.style.height = `${Math.min(area.scrollHeight, innerHeight * 0.4)}px`;
}

function written() {
  const { area, offers } = parts;
  grow();
  offers.show(state.editing ? null : offersFor(area.value, area.selectionStart, commands));
  const isWriting = area.value.trim() !== '' && !area.value.startsWith('/') && !state.editing;
  if (isWriting && Date.now() - typedAt > TYPING_EVERY_MS) {
    typedAt = Date.now();
    api.post('/typing', { user: state.user, channel_id: state.channelId }).catch(() => {});
  }
}

function chosen(entry, from) {
  const { area } = parts;
  if (entry.entry) {
    area.value = '';
    grow();
    parts.line.hidden = true;
    openCommand(parts.slot, entry.entry, closeCommand);
    return;
  }
  const after = area.value.slice(area.selectionStart);
  area.value = area.value.slice(0, from) + entry.insert + after.replace(/^ /, '');
  const cursor = from + entry.insert.length;
  area.setSelectionRange(cursor, cursor);
  grow();
}

function closeCommand() {
  const wasOpen = parts.line.hidden;
  fill(parts.slot);
  parts.line.hidden = false;
  if (wasOpen) parts.area.focus();
}

function insert(text) {
  const { area } = parts;
  area.setRangeText(text, area.selectionStart, area.selectionEnd, 'end');
  area.focus();
  written();
}

function keys(event) {
  const { area, offers } = parts;
  if (event.isComposing || offers.key(event)) return;
  const isPhone = matchMedia('(pointer: coarse)').matches;
  if (event.key === 'Enter' && !event.shiftKey && !isPhone) {
    event.preventDefault();
    send();
  } else if (event.key === 'Escape') {
    if (state.replyTo || state.editing) leave();
    else toEnd();
  } else if (event.key === 'ArrowUp' && area.value === '' && !event.altKey) {
    event.preventDefault();
    const mine = logOf(state.channelId).messages.findLast((message) => message.author.id === state.view.me.id);
    if (mine && !event.shiftKey) {
      state.editing = mine;
      compose();
    } else {
      focusMessage(-1);
    }
  }
}

function pasted(event) {
  const given = [...(event.clipboardData?.files ?? [])];
  if (given.length === 0) return;
  event.preventDefault();
  addFiles(given);
}

function addFiles(given) {
  for (const file of given) {
    if (files.length >= MOST_FILES) toast(`A message carries at most ${MOST_FILES} files`, 'problem');
    else if (file.size > LARGEST_FILE) toast(`${file.name} is larger than ${size(LARGEST_FILE)}`, 'problem');
    else files.push({ file, isSpoiler: false });
  }
  drawTray();
  parts.area.focus();
}

function drawTray() {
  const { tray } = parts;
  tray.hidden = files.length === 0;
  fill(tray, files.map((entry) => {
    const { file } = entry;
    const isPicture = file.type.startsWith('image/');
    const url = isPicture ? URL.createObjectURL(file) : null;
    const change = (act) => () => { act(); drawTray(); };
    return h('li', { class: entry.isSpoiler ? 'hidden-file' : '' },
      isPicture ? h('img', { src: url, alt: '', on: { load: () => URL.revokeObjectURL(url) } }) : icon('file'),
      h('span', {}, file.name, h('small', {}, size(file.size))),
      h('button', { class: 'ghost', type: 'button', title: 'Hide as a spoiler', 'aria-label': `Hide ${file.name} as a spoiler`, 'aria-pressed': String(entry.isSpoiler), on: { click: change(() => { entry.isSpoiler = !entry.isSpoiler; }) } }, icon('eye')),
      h('button', { class: 'ghost', type: 'button', title: 'Take away', 'aria-label': `Take ${file.name} away`, on: { click: change(() => { files = files.filter((one) => one !== entry); }) } }, icon('trash')));
  }));
}

async function send() {
  const { area } = parts;
  const content = withIds(withEmojis(area.value.trim()));
  const { editing, replyTo, channelId } = state;
  if (content === '' && files.length === 0) return;
  if (/^\/[\w-]+/.test(content) && files.length === 0 && !editing && commands.some((command) => command.name === content.slice(1).split(/\s/)[0])) {
    parts.offers.show(offersFor(`/${content.slice(1).split(/\s/)[0]}`, content.length, commands));
    parts.offers.choose();
    return;
  }
  const sent = { text: area.value, files };
  area.value = '';
  files = [];
  Object.assign(state, { replyTo: null, editing: null });
  compose();
  drawTray();
  typedAt = 0;
  try {
    if (editing) await api.patch(`/channels/${editing.channel_id}/messages/${editing.id}`, { content, user: state.user });
    else await say(channelId, content, replyTo, sent.files);
    if (!editing) toEnd();
  } catch (error) {
    toast(error.message, 'problem');
    if (area.value === '') area.value = sent.text;
    files = sent.files;
    drawTray();
    grow();
  }
}

async function say(channelId, content, replyTo, given) {
  const attachments = await Promise.all(given.map(async ({ file, isSpoiler }) => ({
    name: `${isSpoiler ? 'SPOILER_' : ''}${file.name || 'picture.png'}`, content_type: file.type || 'application/octet-stream', data: await api.base64(file),
  })));
  const isDirect = channelOf(channelId)?.type === 1;
  const body = { user: state.user, channel_id: channelId, content, attachments, address: !isDirect && !replyTo && calls() };
  if (replyTo) body.reply_to = replyTo.id;
  await api.post('/messages', body);
}

function drawTyping() {
  const now = Date.now();
  const typers = [...(state.typing.get(state.channelId) ?? new Map())].filter(([, until]) => until > now);
  const names = typers.map(([id]) => nameOf(userOf(id)));
  const who = names.length > 3 ? 'Several people are typing…'
    : names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)} are typing…`
      : names.length === 1 ? `${names[0]} is typing…` : '';
  fill(parts.typing, who && [dots(), who]);
}
