// Settings: all of a breaker's, where each came from, and how they are changed: edit, preview, apply.

import { el, foreign, freshId, setText, show } from './elements.js';
import { refusal } from './session.js';
import { plural } from './labels.js';

const SOURCES = {
    default: 'default', attribute: 'in the code', configure: 'in the code (configure)', file: 'file', environment: 'environment', reconfigure: 'changed at run time',
};

export function sourceWords(source) {
    const [first, ...rest] = String(source).split(' ');
    return SOURCES[first] ? [SOURCES[first], ...rest].join(' ') : String(source);
}

export class Settings {
    constructor(session, say, done) {
        Object.assign(this, { session, say, done });
        this.rows = el('tbody');
        this.edit = el('button', { type: 'button', onclick: () => this.begin() }, 'Change settings');
        this.preview = el('button', { type: 'submit', class: 'primary', hidden: true }, 'Preview');
        this.cancel = el('button', { type: 'button', hidden: true, onclick: () => this.end() }, 'Cancel');
        this.message = el('p', { class: 'message', role: 'status' });
        this.changes = el('div', { class: 'preview', hidden: true });
        this.table = el('table', { class: 'settings' },
            el('caption', { class: 'unseen' }, 'Settings in force'),
            el('thead', {}, el('tr', {}, ...['Setting', 'Value', 'Where from'].map((title) => el('th', { scope: 'col' }, title)))),
            this.rows);
        this.node = el('form', { novalidate: true, onsubmit: (event) => this.ask(event) },
            this.table, this.message, this.changes, el('div', { class: 'buttons' }, this.edit, this.preview, this.cancel));
        this.fields = new Map();
    }

    allow(allowed) {
        this.allowed = allowed;
        show(this.edit, allowed && !this.editing);
        if (!allowed && this.editing) this.end();
    }

    // While somebody types, nothing is changed under his hands.
    update(name, settings) {
        this.name = name;
        this.settings = settings;
        if (!this.editing) this.draw();
    }

    draw() {
        this.fields.clear();
        this.rows.replaceChildren(...this.settings.map((setting) => this.row(setting)));
    }

    row({ key, value, source }) {
        const from = el('td', { class: String(source).startsWith('default') ? 'from quiet' : 'from' }, foreign(sourceWords(source)));
        const title = el('th', { scope: 'row' }, key);
        if (!this.editing) return el('tr', {}, title, el('td', { class: 'value' }, foreign(value)), from);
        const id = freshId('setting');
        const input = el('input', { id, name: key, value, autocomplete: 'off', spellcheck: 'false', 'aria-describedby': `${id}-problem` });
        const problem = el('p', { id: `${id}-problem`, class: 'problem' });
        this.fields.set(key, { input, problem, before: value });
        title.replaceChildren(el('label', { for: id }, key));
        return el('tr', {}, title, el('td', { class: 'value' }, input, problem), from);
    }

    begin() {
        this.editing = true;
        this.draw();
        this.showButtons();
        setText(this.message, 'Durations such as "30s" or "1m 30s", shares such as "0.5"; "off" switches off what may be off.');
        this.fields.values().next().value?.input.focus();
    }

    end() {
        const back = this.editing;
        this.editing = false;
        this.draw();
        this.showButtons();
        setText(this.message, '');
        this.changes.hidden = true;
        if (back && this.allowed) this.edit.focus();
    }

    showButtons() {
        show(this.edit, this.allowed && !this.editing);
        show(this.preview, this.editing);
        show(this.cancel, this.editing);
    }

    edited() {
        const set = {};
        for (const [key, { input, before }] of this.fields) if (input.value.trim() !== before) set[key] = input.value.trim();
        return set;
    }

    async ask(event) {
        event.preventDefault();
        if (!this.editing) return;
        this.clearProblems();
        this.changes.hidden = true;
        const set = this.edited();
        if (Object.keys(set).length === 0) return setText(this.message, 'Nothing is changed yet: type a new value into a field.');
        const answer = await this.send(set, true);
        if (answer?.ok) this.offer(set, answer.body.changes ?? []);
    }

    offer(set, changes) {
        setText(this.message, '');
        const lines = changes.map(({ key, before, after }) => el('li', {},
            el('b', {}, key), ' ', foreign(before, { class: 'before' }), ' → ', foreign(after, { class: 'after' })));
        const apply = el('button', { type: 'button', class: 'primary', onclick: () => this.apply(set) }, 'Apply');
        const title = changes.length ? `${plural(changes.length, 'setting', 'settings')} would change, until the process ends:` : 'That is what is in force already.';
        this.changes.replaceChildren(el('p', {}, title), el('ul', {}, lines), changes.length ? apply : '');
        this.changes.hidden = false;
        (changes.length ? apply : this.preview).focus();
    }

    async apply(set) {
        const answer = await this.send(set, false);
        if (!answer?.ok) return;
        this.end();
        const told = (answer.body.changes ?? []).map(({ key, before, after }) => `${key} was ${before}, now it is ${after}`);
        this.say(`Done: ${told.join('; ')}.`, true);
        this.done();
    }

    async send(set, preview) {
        try {
            const answer = await this.session.settings(this.name, set, preview);
            if (!answer.ok) this.tellProblems(answer);
            return answer;
        } catch (error) {
            setText(this.message, `The server could not be reached (${error.message}).`);
            return null;
        }
    }

    tellProblems(answer) {
        const problems = answer.body.problems ?? [];
        if (problems.length === 0) return setText(this.message, refusal(answer));
        const elsewhere = [];
        let first = null;
        for (const { key, message } of problems) {
            const field = this.fields.get(key);
            if (!field) {
                elsewhere.push(message);
                continue;
            }
            field.input.setAttribute('aria-invalid', 'true');
            setText(field.problem, message);
            first ??= field.input;
        }
        setText(this.message, elsewhere.join(' ') || `${plural(problems.length, 'value', 'values')} cannot be used; nothing was changed.`);
        first?.focus();
    }

    clearProblems() {
        for (const { input, problem } of this.fields.values()) {
            input.removeAttribute('aria-invalid');
            setText(problem, '');
        }
    }
}
