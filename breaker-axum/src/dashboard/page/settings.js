// Shows the settings of a breaker with their sources, and changes them: edit, preview, apply.

import { Component, foreign, html } from './elements.js';
import { refusal } from './session.js';
import { plural } from './labels.js';

const SOURCES = {
    default: 'default', attribute: 'in the code', configure: 'in the code (set_config)', file: 'file',
    environment: 'environment', reconfigure: 'changed at run time',
};

export function sourceWords(source) {
    const [first, ...rest] = String(source).split(' ');
    return SOURCES[first] ? [SOURCES[first], ...rest].join(' ') : String(source);
}

const CLEAN = { editing: false, edits: {}, problems: {}, message: '', preview: null };

// Props: `name`, `settings`, `allowed`, `session`, `say(text, good)` and `done()`.
//
// State: `edits` has the texts by key. `settings` are those from the start of the edit, so that
// nothing changes while a person types.
export class Settings extends Component {
    constructor(props) {
        super(props);
        this.state = CLEAN;
    }

    static getDerivedStateFromProps({ allowed, name }, state) {
        const ends = state.editing && (!allowed || name !== state.name);
        return ends ? { ...CLEAN, name } : { name };
    }

    edit() {
        const message = 'Write durations as "30s" or "1m 30s", and shares as "0.5". "off" turns a rule or a limit off.';
        this.setState({ ...CLEAN, editing: true, settings: this.props.settings, message }, () => this.focus('input'));
    }

    end() {
        this.setState(CLEAN, () => this.focus('.edit'));
    }

    focus(selector) {
        this.base.querySelector(selector)?.focus();
    }

    // The values that differ from those in force, by key.
    changed() {
        const values = this.state.settings.map(({ key, value }) => [key, value, this.state.edits[key]?.trim() ?? value]);
        return Object.fromEntries(values.filter(([, before, after]) => after !== before).map(([key, , after]) => [key, after]));
    }

    async preview(event) {
        event.preventDefault();
        if (!this.state.editing) return;
        this.setState({ problems: {}, preview: null });
        const set = this.changed();
        if (Object.keys(set).length === 0) {
            return this.setState({ message: 'Nothing is changed yet: type a new value into a field.' });
        }
        const answer = await this.send(set, true);
        if (!answer?.ok) return;
        const changes = answer.body.changes ?? [];
        const target = changes.length ? '.apply' : '[type=submit]';
        this.setState({ message: '', preview: { set, changes } }, () => this.focus(target));
    }

    async apply({ set }) {
        const answer = await this.send(set, false);
        if (!answer?.ok) return;
        this.end();
        const changes = (answer.body.changes ?? []).map(({ key, before, after }) => `${key} was ${before}, now it is ${after}`);
        this.props.say(`Done: ${changes.join('; ')}.`, true);
        this.props.done();
    }

    async send(set, preview) {
        try {
            const answer = await this.props.session.settings(this.props.name, set, preview);
            if (!answer.ok) this.showProblems(answer);
            return answer;
        } catch (error) {
            this.setState({ message: `The server could not be reached (${error.message}).` });
            return null;
        }
    }

    showProblems(answer) {
        const all = answer.body.problems ?? [];
        if (all.length === 0) return this.setState({ message: refusal(answer) });
        const keys = new Set(this.state.settings.map(({ key }) => key));
        const problems = Object.fromEntries(all.filter(({ key }) => keys.has(key)).map(({ key, message }) => [key, message]));
        const others = all.filter(({ key }) => !keys.has(key)).map(({ message }) => message);
        const message = others.join(' ') || `${plural(all.length, 'value', 'values')} cannot be used; nothing was changed.`;
        this.setState({ problems, message }, () => this.focus('[aria-invalid=true]'));
    }

    render({ allowed, settings }, { editing, edits, problems, message, preview, settings: edited }) {
        const rows = (editing ? edited : settings) ?? [];
        return html`<form novalidate onsubmit=${(event) => this.preview(event)}>
            <table class="settings">
                <caption class="unseen">Settings in force</caption>
                <thead><tr>${['Setting', 'Value', 'Where from'].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
                <tbody>${rows.map((setting) => html`<${SettingRow} key=${setting.key} setting=${setting} editing=${editing}
                    text=${edits[setting.key] ?? setting.value} problem=${problems[setting.key]}
                    onText=${(text) => this.setState((state) => ({ edits: { ...state.edits, [setting.key]: text } }))} />`)}</tbody>
            </table>
            <p class="message" role="status">${message}</p>
            ${preview && html`<${Preview} changes=${preview.changes} apply=${() => this.apply(preview)} />`}
            <div class="buttons">
                <button type="button" class="edit" hidden=${!allowed || editing} onclick=${() => this.edit()}>Change settings</button>
                <button type="submit" class="primary" hidden=${!editing}>Preview</button>
                <button type="button" hidden=${!editing} onclick=${() => this.end()}>Cancel</button>
            </div>
        </form>`;
    }
}

function SettingRow({ setting: { key, value, source }, editing, text, problem, onText }) {
    const from = html`<td class=${String(source).startsWith('default') ? 'from quiet' : 'from'}>${foreign(sourceWords(source))}</td>`;
    if (!editing) return html`<tr><th scope="row">${key}</th><td class="value">${foreign(value)}</td>${from}</tr>`;
    const id = `setting-${key}`;
    return html`<tr>
        <th scope="row"><label for=${id}>${key}</label></th>
        <td class="value">
            <input id=${id} name=${key} value=${text} autocomplete="off" spellcheck=${false}
                aria-describedby="${id}-problem" aria-invalid=${problem ? 'true' : null} oninput=${(event) => onText(event.target.value)} />
            <p id="${id}-problem" class="problem">${problem ?? ''}</p>
        </td>
        ${from}
    </tr>`;
}

function Preview({ changes, apply }) {
    const title = changes.length
        ? `${plural(changes.length, 'setting', 'settings')} would change, until the process ends:`
        : 'These values are in force already.';
    return html`<div class="preview">
        <p>${title}</p>
        <ul>${changes.map(({ key, before, after }) => html`<li><b>${key}</b> ${foreign(before, { class: 'before' })} → ${foreign(after, { class: 'after' })}</li>`)}</ul>
        ${changes.length > 0 && html`<button type="button" class="primary apply" onclick=${apply}>Apply</button>`}
    </div>`;
}
