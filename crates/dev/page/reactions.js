// Reactions to messages: those that are there, and ways to add one.

import * as api from './api.js';
import { h, toast } from './dom.js';
import { pickEmoji } from './emoji.js';
import { icon } from './icons.js';
import { state } from './state.js';

/** Offered without a search. */
const QUICK = ['👍', '❤️', '😂'];

/** As the sandbox takes it: the character, or name and id of an emoji of a server. */
const written = (emoji) => (emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name);

/** Adds one's own reaction, or takes it away if it is there. */
export async function toggle(message, emoji) {
  const isMine = message.reactions?.some((known) => known.me && written(known.emoji) === written(emoji));
  const touch = { user: state.user, channel_id: message.channel_id, message_id: message.id, emoji: written(emoji) };
  const done = isMine ? api.remove('/reactions', touch) : api.post('/reactions', touch);
  await done.catch((error) => toast(error.message, 'problem'));
}

/** Lets one choose among all emojis. */
export function pickReaction(message, anchor) {
  pickEmoji(anchor, (name) => toggle(message, { name }));
}

/** The reactions below a message; nothing while there is none. */
export function reactionChips(message) {
  const all = message.reactions ?? [];
  if (all.length === 0) return null;
  const chips = all.map((reaction) => h('button', {
    class: reaction.me ? 'reaction mine' : 'reaction', type: 'button', 'aria-pressed': String(reaction.me),
    'aria-label': `${reaction.emoji.name}, ${reaction.count}`, title: reaction.me ? 'Take your reaction away' : 'React with this as well',
    data: { part: `reaction ${written(reaction.emoji)}` }, on: { click: () => toggle(message, reaction.emoji) },
  }, h('span', { class: 'emoji' }, reaction.emoji.id ? `:${reaction.emoji.name}:` : reaction.emoji.name), String(reaction.count)));
  return h('div', { class: 'reactions', role: 'group', 'aria-label': 'Reactions' }, chips, h('button', {
    class: 'reaction add', type: 'button', title: 'Add a reaction', 'aria-label': 'Add a reaction',
    data: { part: 'reaction' }, on: { click: (event) => pickReaction(message, event.currentTarget) },
  }, icon('smile')));
}

/** The first entries among what can be done with a message. */
export function reactionTools(message) {
  const tool = (props, ...inner) => h('button', { type: 'button', tabindex: '-1', ...props }, inner);
  const quick = QUICK.map((name) => tool({
    class: 'tool quick', title: `React with ${name}`, 'aria-label': `React with ${name}`, on: { click: () => toggle(message, { name }) },
  }, h('span', { class: 'emoji' }, name)));
  return [quick, tool({
    class: 'tool', title: 'Add a reaction (+)', 'aria-label': 'Add a reaction', on: { click: (event) => pickReaction(message, event.currentTarget) },
  }, icon('smile'))];
}
