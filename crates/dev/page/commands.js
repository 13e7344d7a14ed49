// The line in which a chosen command is filled and run.

import { base64 } from './api.js';
import { byId, fill, h, toast } from './dom.js';
import { choicesFor, interact } from './interact.js';
import { channelOf, nameOf, serverOf, state, titleOf } from './state.js';
import { peopleHere } from './suggest.js';

const [INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT] = [4, 5, 6, 7, 8, 9, 10, 11];
/** A moment after the last key before choices are asked for. */
const TYPED_MS = 200;

/** Opens the line for a command; `onClose` brings the writing back. */
export function openCommand(place, entry, onClose) {
  const fields = [];
  const submit = async () => {
    const missing = fields.find((field) => field.option.required && field.isEmpty());
    if (missing) {
      missing.element.focus();
      toast(`${missing.option.name} is needed`, 'problem');
      return;
    }
    const filled = fields.filter((field) => !field.isEmpty());
    const options = filled.map((field) => ({ name: field.option.name, value: field.value() }));
    const invoke = { name: entry.command.name, path: entry.path, options };
    const channelId = state.channelId;
    onClose();
    try {
      const given = filled.filter((field) => field.file).map(async (field) => [field.option.name, await field.file()]);
      const files = Object.fromEntries(await Promise.all(given));
      await interact(channelId, { invoke, files });
    } catch (error) {
      toast(error.message, 'problem');
    }
  };
  const draft = () => fields.filter((field) => !field.isEmpty() && field.option.type !== ATTACHMENT).map((field) => ({ name: field.option.name, value: field.plain() }));
  const line = h('div', { class: 'command-line', role: 'group', 'aria-label': `Command ${entry.title}` });
  const hint = h('p', { class: 'command-hint' }, entry.description);
  const add = (option) => {
    const field = makeField(option, (focused) => ({ name: entry.command.name, path: entry.path, options: draft(), focused }));
    fields.push(field);
    field.element.addEventListener('focus', () => { hint.textContent = `${option.name}: ${option.description}`; });
    line.insertBefore(h('label', { class: 'option' }, h('span', {}, option.name), field.element, field.list), rest);
    return field;
  };
  const rest = h('span', { class: 'rest' });
  line.append(h('span', { class: 'command-name' }, `/${entry.title}`), rest);
  const optional = entry.options.filter((option) => !option.required);
  for (const option of entry.options.filter((one) => one.required)) add(option);
  const offer = () => fill(rest, optional.filter((option) => !fields.some((field) => field.option === option)).map((option) => h('button', {
    class: 'chip', type: 'button', title: option.description, on: { click: () => { add(option).element.focus(); offer(); } },
  }, `+ ${option.name}`)));
  offer();
  const run = h('button', { class: 'button primary', type: 'button', on: { click: submit } }, 'Run');
  const cancel = h('button', { class: 'button secondary', type: 'button', on: { click: onClose } }, 'Cancel');
  const box = h('div', { class: 'command' }, hint, h('div', { class: 'command-row' }, line, cancel, run));
  box.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') onClose();
    else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) submit();
    else return;
    event.preventDefault();
  });
  fill(place, box);
  (fields[0]?.element ?? run).focus();
}

let count = 0;

function makeField(option, question) {
  if (option.type === ATTACHMENT) return fileField(option);
  const entries = fixed(option);
  if (entries) {
    const element = h('select', { 'aria-label': option.name }, h('option', { value: '' }, '…'),
      entries.map(({ name, value }) => h('option', { value: String(value) }, name)));
    return { option, element, list: null, isEmpty: () => element.value === '', plain: () => element.value, value: () => element.value };
  }
  const id = `choices-${(count += 1)}`;
  const kind = option.type === INTEGER || option.type === NUMBER ? 'number' : 'text';
  const element = h('input', {
    type: kind, 'aria-label': option.name, autocomplete: 'off', list: option.autocomplete ? id : null, placeholder: option.description,
    min: option.min_value, max: option.max_value, maxlength: option.max_length, step: option.type === NUMBER ? 'any' : null,
  });
  const list = option.autocomplete ? h('datalist', { id }) : null;
  const known = new Map();
  let timer = null;
  const ask = async () => {
    const asked = question(option.name);
    if (!asked.options.some((given) => given.name === option.name)) asked.options.push({ name: option.name, value: element.value });
    const choices = await choicesFor(state.channelId, asked);
    for (const choice of choices) known.set(choice.name, choice.value);
    fill(list, choices.map((choice) => h('option', { value: choice.name })));
  };
  if (option.autocomplete) {
    element.addEventListener('focus', ask);
    element.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(ask, TYPED_MS);
    });
  }
  const plain = () => known.get(element.value) ?? element.value;
  return { option, element, list, isEmpty: () => element.value === '', plain, value: plain };
}

function fileField(option) {
  const element = h('input', { type: 'file', 'aria-label': option.name });
  const chosen = () => element.files[0];
  const file = async () => ({ name: chosen().name, content_type: chosen().type || 'application/octet-stream', data: await base64(chosen()) });
  return { option, element, list: null, isEmpty: () => !chosen(), plain: () => '', value: () => chosen().name, file };
}

/** What can be chosen, where that is known beforehand. */
function fixed(option) {
  if (option.choices?.length) return option.choices;
  const server = serverOf(state.channelId);
  const people = () => peopleHere().map((user) => ({ name: nameOf(user), value: user.id }));
  const roles = () => (server?.roles ?? []).map((role) => ({ name: role.name, value: role.id }));
  switch (option.type) {
    case BOOLEAN: return [{ name: 'yes', value: true }, { name: 'no', value: false }];
    case USER: return people();
    case ROLE: return roles();
    case MENTIONABLE: return [...people(), ...roles()];
    case CHANNEL: return (server?.channels ?? [channelOf(state.channelId)]).filter((channel) => !option.channel_types?.length || option.channel_types.includes(channel.type))
      .map((channel) => ({ name: `#${titleOf(channel)}`, value: channel.id }));
    default: return null;
  }
}

/** Whether a command is being filled. */
export const isFilling = () => byId('composer').querySelector('.command') !== null;
