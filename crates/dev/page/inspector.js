// What happened to a message: when it was handed over, what the bot decided and why, what it said.

import * as api from './api.js';
import { avatar } from './avatar.js';
import { byId, fill, h } from './dom.js';
import { icon } from './icons.js';
import { plainly } from './message.js';
import { logOf, nameOf, on, serverOf, state, tell } from './state.js';
import { span } from './time.js';

/** While something may still change, it is asked again. */
const AGAIN_MS = 1200;
const LONGEST_MS = 60000;

const panel = byId('panel');
let timer = null;

/** Starts it. */
export function startInspector() {
  on('inspect', (message) => open('message', message));
  on('members', () => (state.panel === 'members' ? close() : open('members')));
  on('channel', () => (state.panel === 'message' ? close() : state.panel && open('members')));
  on('view', () => state.panel === 'members' && open('members'));
}

/** Closes the panel. */
export function close() {
  clearTimeout(timer);
  Object.assign(state, { panel: null, selected: null });
  panel.hidden = true;
  tell('selected');
  tell('panel');
}

function open(kind, message) {
  clearTimeout(timer);
  state.panel = kind;
  panel.hidden = false;
  if (kind === 'members') state.selected = null;
  tell('selected');
  tell('panel');
  if (kind === 'members') drawMembers();
  else look(message, Date.now());
}

function frame(title, ...content) {
  const leave = h('button', { class: 'ghost', type: 'button', title: 'Close', 'aria-label': 'Close the panel', on: { click: close } }, icon('close'));
  fill(panel, h('header', { class: 'panel-head' }, h('h2', {}, title), leave), h('div', { class: 'panel-body' }, content));
}

function drawMembers() {
  const server = serverOf(state.channelId);
  const all = server?.members ?? [{ user: state.view.me }, { user: state.view.bot }];
  const groups = [['Bots', all.filter((member) => member.user.bot)], ['People', all.filter((member) => !member.user.bot)]];
  frame('Members', groups.map(([title, members]) => [h('h3', { class: 'group' }, `${title} — ${members.length}`),
    h('ul', { class: 'members' }, members.map((member) => h('li', {}, avatar(nameOf(member.user), { isBot: member.user.bot }),
      h('span', {}, nameOf(member.user)), member.user.id === server?.owner_id && h('small', {}, 'owner'))))]));
}

async function look(message, since) {
  if (state.selected !== message.id) return;
  let known = null;
  try {
    known = await api.get(`/explain/${message.id}`);
  } catch (error) {
    if (state.selected === message.id) frame('What happened', quoted(message), h('p', { class: 'problem' }, error.message));
    return;
  }
  if (state.selected !== message.id) return;
  frame('What happened', quoted(message), story(message, known));
  const mayChange = known.record ? !known.record.is_final || known.record.code === null : false;
  if (mayChange && Date.now() - since < LONGEST_MS) timer = setTimeout(() => look(message, since), AGAIN_MS);
}

const quoted = (message) => h('blockquote', { class: 'quoted' }, h('b', {}, nameOf(message.author)), h('span', {}, plainly(message.content) || 'no text'));

const DECISIONS = {
  accepted: 'It is for the bot: a turn was admitted.',
  not_addressed: 'Nobody addressed the bot.',
  not_set_up: 'The bot is not set up here.',
  no_credentials: 'There is no key for a model.',
  privacy_full: 'Its author wants to be left alone.',
  bot_author: 'Another bot said it.',
  too_old: 'It was too old when it arrived.',
};

function story(message, { sandbox, record, problem }) {
  const start = sandbox.created_ms;
  const steps = [{ at: start, title: 'Said', text: sandbox.trigger_id === message.id ? null : 'the message that it answers' }];
  if (sandbox.dispatch) {
    const { sessions, at_ms: at } = sandbox.dispatch;
    steps.push({ at, title: 'Handed to the bot', text: sessions === 0 ? 'no session listens' : `${sessions} ${sessions === 1 ? 'session' : 'sessions'}`, isBad: sessions === 0 });
  }
  const ends = (record?.turns ?? []).map((turn) => (turn.ended_at ? Date.parse(turn.ended_at) : Infinity));
  const asked = sandbox.model_requests.filter(({ at_ms: at }) => ends.length === 0 || at <= Math.max(...ends));
  for (const { at_ms: at } of asked) steps.push({ at, title: 'A model was asked', text: 'by somebody, at this time' });
  steps.push(...gathered(sandbox), ...recorded(record));
  steps.sort((a, b) => a.at - b.at);
  const line = h('ol', { class: 'story' }, steps.map((step) => h('li', { class: step.isBad ? 'is-bad' : step.kind ? `is-${step.kind}` : null },
    h('time', {}, `+${span(step.at - start)}`), h('b', {}, step.title), step.text && h('span', {}, step.text))));
  return [decision(record, problem), line, record && turns(record), h('p', { class: 'ids' }, 'message ', h('code', {}, sandbox.trigger_id))];
}

/** What the bot's own record says, with its times. */
function recorded(record) {
  if (!record?.code) return [];
  const steps = [{ at: Date.parse(record.decided_at), title: 'The bot decided', text: plainCode(record.code), kind: 'record', isBad: record.code !== 'accepted' }];
  for (const turn of record.turns) {
    const name = record.turns.length > 1 ? `Turn ${turn.ordinal + 1}` : 'The turn';
    if (turn.claimed_at) steps.push({ at: Date.parse(turn.claimed_at), title: `${name} began`, text: turn.worker ? `on ${turn.worker}` : null, kind: 'record' });
    if (turn.ended_at) steps.push({ at: Date.parse(turn.ended_at), title: `${name} ended`, text: outcome(turn), kind: 'record', isBad: turn.state !== 'done' });
  }
  return steps;
}

const plainCode = (code) => code.replaceAll('_', ' ');
const outcome = (turn) => (turn.reason ? `${turn.state}: ${plainCode(turn.reason)}` : turn.state);

const ROUTES = {
  'POST /channels/{channel}/typing': ['The bot is typing', 'typing'],
  'GET /channels/{channel}/messages': ['It read the history', ''],
  'POST /channels/{channel}/messages': ['It posted', 'post'],
  'PATCH /channels/{channel}/messages/{message}': ['It edited a message', 'post'],
  'DELETE /channels/{channel}/messages/{message}': ['It deleted a message', 'post'],
  'POST /interactions/{interaction}/{token}/callback': ['It answered the interaction', 'post'],
  'POST /webhooks/{webhook}/{token}': ['A persona posted', 'post'],
};

/** Calls as steps; the same call several times in a row is one. */
function gathered(sandbox) {
  const posts = new Map(sandbox.posts.map((post) => [post.at_ms, post]));
  const steps = [];
  for (const call of sandbox.calls) {
    const [title, kind] = ROUTES[call.route] ?? [call.route, ''];
    const before = steps.at(-1);
    const isBad = call.status >= 400;
    if (before?.title === title && !kind.includes('post') && !isBad) {
      before.times += 1;
      before.text = `${before.times} times`;
      continue;
    }
    const post = kind === 'post' && posts.get(call.at_ms);
    const text = isBad ? `refused with ${call.status}` : post?.repeated ? 'known by its nonce: no second message' : null;
    steps.push({ at: call.at_ms, title, kind, text, isBad, times: 1 });
  }
  return steps;
}

function decision(record, problem) {
  if (!record) return h('p', { class: 'verdict unknown' }, icon('help'), h('span', {}, h('b', {}, 'The bot could not be asked'), h('small', {}, problem)));
  if (!record.code) return h('p', { class: 'verdict unknown' }, icon('help'), h('span', {}, h('b', {}, 'Nothing is recorded'), h('small', {}, 'The bot did not take it for its own, or has not decided yet.')));
  const isAccepted = record.code === 'accepted';
  return h('p', { class: isAccepted ? 'verdict good' : 'verdict refused' }, icon(isAccepted ? 'check' : 'close'),
    h('span', {}, h('b', {}, plainCode(record.code)), h('small', {}, DECISIONS[record.code] ?? 'The bot refused it for this reason.')));
}

function turns(record) {
  return record.turns.map((turn) => h('section', { class: 'turn' },
    h('h3', {}, record.turns.length > 1 ? `Turn ${turn.ordinal + 1}` : 'Turn', ' ', h('span', { class: `state ${turn.state}` }, turn.state)),
    h('dl', {}, fact('Reason', turn.reason), fact('Worker', turn.worker), fact('Begun', turn.attempts === 1 ? 'once' : `${turn.attempts} times`),
      fact('Took', turn.ended_at && span(Date.parse(turn.ended_at) - Date.parse(turn.admitted_at)))),
    h('ol', { class: 'posts' }, turn.posts.map((post) => h('li', {}, h('span', { class: `state ${post.state}` }, post.state), ' ', sent(post.message_id)))),
    h('p', { class: 'ids' }, 'turn ', h('code', {}, turn.turn_id))));
}

const fact = (name, value) => value && [h('dt', {}, name), h('dd', {}, value)];

function sent(id) {
  if (!id) return 'not sent yet';
  const known = logOf(state.channelId).messages.find((message) => message.id === id);
  return h('button', { class: 'text-button', type: 'button', on: { click: () => tell('jump', { id }) } }, known ? plainly(known.content).slice(0, 60) || 'a message' : id);
}
