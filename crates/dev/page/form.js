// Forms that the bot opens.

import { base64 } from './api.js';
import { h, toast } from './dom.js';
import { optionsOf } from './components.js';
import { openDialog } from './dialogs.js';
import { rendered } from './text.js';

/** Types of fields; what is none of them is chosen from options. */
const [TEXT, FILE, CHECKBOXES, CHECKBOX] = [4, 19, 22, 23];
let count = 0;

/** Opens a form; `send` is given fields and files by id and may refuse by throwing. */
export function openForm(modal, send) {
  const fields = [];
  const parts = (modal.components ?? []).map((row) => part(row, fields));
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const submit = h('button', { class: 'button primary', type: 'submit' }, 'Submit');
  const form = h('form', { class: 'form', novalidate: true }, parts, problem, h('div', { class: 'buttons' },
    h('button', { class: 'button secondary', type: 'button', on: { click: () => close() } }, 'Cancel'), submit));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wrong = fields.find((field) => !field.isGood());
    if (wrong) {
      problem.textContent = `${wrong.label}: ${wrong.complaint()}`;
      problem.hidden = false;
      wrong.element.focus();
      return;
    }
    submit.disabled = true;
    try {
      const files = await Promise.all(fields.filter((field) => field.file?.()).map(async (field) => [field.id, await field.read()]));
      const values = fields.filter((field) => !field.file).map((field) => [field.id, field.value()]);
      const sent = send(Object.fromEntries(values), Object.fromEntries(files));
      close();
      await sent;
    } catch (error) {
      toast(error.message, 'problem');
    }
  });
  const close = openDialog(modal.title ?? 'Form', form);
  form.querySelector('input, textarea, select')?.focus();
}

function part(row, fields) {
  if (row.type === 10) return h('div', { class: 'display' }, rendered(row.content ?? ''));
  const inner = row.type === 18 ? [row.component] : row.components ?? [];
  return inner.filter(Boolean).map((one) => field(one, row.label ?? one.label ?? '', row.description, fields));
}

function field(one, label, description, fields) {
  const id = `field-${(count += 1)}`;
  const made = makeField(one, id);
  fields.push({ id: one.custom_id, label, ...made });
  const isNeeded = one.required !== false;
  return h('div', { class: 'form-field' }, h('label', { for: id }, label, isNeeded && h('span', { class: 'needed', title: 'required' }, ' *')),
    description && h('p', { class: 'hint' }, description), made.shown ?? made.element);
}

function makeField(one, id) {
  switch (one.type) {
    case TEXT: return textField(one, id);
    case FILE: return fileField(one, id);
    case CHECKBOX: return boxField(one, id);
    default: return choiceField(one, id);
  }
}

function fileField(one, id) {
  const element = h('input', { id, class: 'field', type: 'file', name: one.custom_id });
  const file = () => element.files[0];
  const read = async () => ({ name: file().name, content_type: file().type || 'application/octet-stream', data: await base64(file()) });
  return { element, file, read, isGood: () => one.required === false || Boolean(file()), complaint: () => 'a file is needed' };
}

function boxField(one, id) {
  const element = h('input', { id, type: 'checkbox', name: one.custom_id, checked: one.default === true });
  return { element, value: () => element.checked, isGood: () => true, complaint: () => '' };
}

function textField(one, id) {
  const props = {
    id, class: 'field', name: one.custom_id, value: one.value ?? '', placeholder: one.placeholder,
    maxlength: one.max_length, autocomplete: 'off', spellcheck: 'false',
  };
  const element = one.style === 2 ? h('textarea', { ...props, rows: 4 }) : h('input', { ...props, type: 'text' });
  const least = Math.max(one.min_length ?? 0, one.required === false ? 0 : 1);
  return {
    element,
    value: () => element.value,
    isGood: () => (element.value === '' && one.required === false) || element.value.length >= least,
    complaint: () => (least <= 1 ? 'this is needed' : `at least ${least} characters`),
  };
}

function choiceField(one, id) {
  const options = optionsOf(one);
  const least = one.required === false ? 0 : one.min_values ?? 1;
  const most = one.max_values ?? (one.type === CHECKBOXES ? options.length : 1);
  if (most === 1 && one.type !== CHECKBOXES) {
    const empty = h('option', { value: '' }, one.placeholder ?? 'Choose one');
    const element = h('select', { id, class: 'field' }, empty, options.map((option) => h('option', { value: option.value, selected: option.default === true }, option.label)));
    return {
      element,
      value: () => (element.value === '' ? [] : [element.value]),
      isGood: () => least === 0 || element.value !== '',
      complaint: () => 'choose one',
    };
  }
  const boxes = options.map((option) => h('input', { type: 'checkbox', value: option.value, checked: option.default === true }));
  const shown = h('div', { class: 'options', id, role: 'group' }, boxes.map((box, at) => h('label', { class: 'check' }, box, h('span', {}, options[at].label))));
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  return {
    element: boxes[0] ?? shown,
    shown,
    value: chosen,
    isGood: () => chosen().length >= least && chosen().length <= most,
    complaint: () => `choose ${least} to ${most}`,
  };
}
