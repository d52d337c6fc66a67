// Detail: one breaker with all that is known of it, in a dialog at the side.

import { Actions } from './actions.js';
import { FlowChart, HourChart, outcomeRows } from './charts.js';
import { el, foreign, renderOnce, setAttribute, setText, show } from './elements.js';
import { icon } from './icons.js';
import { changeWords, reason } from './overview.js';
import { errorParts } from './row.js';
import { Settings, sourceWords } from './settings.js';
import { count, next, outage, percent, plural, span, stateOf, timeOfDay } from './labels.js';

const part = (name) => document.querySelector(`#detail [data-part="${name}"]`);

export class Detail {
    // `closed()` is told when the dialog has been closed, by whatever means; `login()` asks for the token.
    constructor(store, session, closed, login) {
        Object.assign(this, { store, session });
        this.dialog = document.getElementById('detail');
        this.flow = new FlowChart({ gap: 0.12, fallbacks: true, stripe: 3 });
        this.hour = new HourChart();
        part('flow').append(this.flow.node);
        part('hour').append(this.hour.node);
        const say = (text, good) => this.say(text, good);
        const done = () => this.fetch();
        this.actions = new Actions(session, say, done);
        this.settings = new Settings(session, say, done);
        part('buttons').append(this.actions.node);
        part('settings').append(this.settings.node);
        part('login').addEventListener('click', login);
        document.getElementById('detail-close').append(icon('close'));
        document.getElementById('detail-close').addEventListener('click', () => this.dialog.close());
        // A click beside the dialog closes it, as Escape does.
        this.dialog.addEventListener('click', (event) => {
            if (event.target === this.dialog) this.dialog.close();
        });
        this.dialog.addEventListener('close', () => {
            this.name = null;
            closed();
        });
    }

    open(name) {
        if (this.name === name) return;
        this.name = name;
        this.known = null;
        part('result').replaceChildren();
        if (this.settings.editing) this.settings.end();
        for (const unknown of ['sites', 'audit']) renderOnce(part(unknown), 'loading', () => el('p', { class: 'quiet' }, 'Loading …'));
        this.update();
        if (!this.dialog.open) this.dialog.showModal();
        this.dialog.scrollTop = 0;
        this.fetch();
    }

    close() {
        if (this.dialog.open) this.dialog.close();
    }

    say(text, good) {
        part('result').replaceChildren(el('p', { class: good ? 'good' : 'bad' }, foreign(text)));
    }

    async fetch() {
        const { name } = this;
        if (!name) return;
        try {
            const known = await this.session.detail(name);
            if (this.name !== name) return;
            if (known) this.fill(known);
            else this.say('The server no longer knows this breaker.', false);
        } catch (error) {
            if (this.name === name) this.say(`The settings could not be loaded: ${error.message}.`, false);
        }
    }

    fill({ settings, call_sites: sites, audit }) {
        this.settings.update(this.name, settings);
        renderOnce(part('sites'), JSON.stringify(sites), () => (sites.length
            ? el('ul', { class: 'sites' }, sites.map(siteLine))
            : el('p', { class: 'quiet' }, 'No annotated function: it is used through its own methods.')));
        const now = this.store.now();
        renderOnce(part('audit'), JSON.stringify([this.store.actions, audit]), () => (audit.length
            ? el('ol', { class: 'audit' }, [...audit].reverse().map((entry) => auditLine(entry, now)))
            : el('p', { class: 'quiet' }, this.store.actions === 'on' ? 'Nobody has acted on it since the process began.' : 'Shown to those who are logged in.')));
    }

    // Everything but what only time changes.
    update() {
        const breaker = this.name && this.store.breakers.get(this.name);
        if (!breaker) {
            if (this.name) this.gone();
            return;
        }
        const state = stateOf(breaker.state);
        setAttribute(this.dialog, 'data-state', breaker.state);
        renderOnce(part('mark'), breaker.state, () => icon(breaker.state));
        setText(part('word'), state.word);
        setText(part('technical'), state.technical);
        renderOnce(part('name'), breaker.label, () => foreign(breaker.label || breaker.name));
        renderOnce(part('other-name'), breaker.name, () => ['registered as ', foreign(breaker.name, { class: 'code' })]);
        show(part('other-name'), Boolean(breaker.label) && breaker.label !== breaker.name);
        show(part('critical'), breaker.critical);
        setText(part('means'), state.means);
        this.facts(breaker);
        this.figures(breaker);
        this.history(breaker);
        const allowed = this.store.actions === 'on';
        show(part('actions'), this.store.actions !== 'off');
        show(part('buttons'), allowed);
        show(part('locked'), this.store.actions === 'login');
        if (allowed) this.actions.update(breaker);
        this.settings.allow(allowed);
        this.tick();
    }

    // Its name stays; what was known stays to be read.
    gone() {
        renderOnce(part('name'), this.name, () => foreign(this.name));
        setText(part('word'), 'Gone');
        setText(part('technical'), '');
        setText(part('means'), 'This breaker is no longer listed: it has left, or, being one of many values of a key, it is healthy again.');
        show(part('actions'), false);
    }

    facts(breaker) {
        const error = breaker.last_error;
        const now = this.store.now();
        const { because } = outage(breaker);
        const key = JSON.stringify([because, breaker.opened_because, error, breaker.last_failure_at, breaker.consecutive_failures, breaker.fail_max, breaker.window, breaker.places]);
        renderOnce(part('facts'), key, () => {
            const fact = (title, ...value) => el('div', {}, el('dt', {}, title), el('dd', {}, value));
            const facts = [];
            if (because) facts.push(fact('It opened because', foreign(because)));
            if (breaker.opened_because && breaker.opened_because !== because) facts.push(fact('Last attempt', foreign(breaker.opened_because)));
            if (error) facts.push(fact('Last error', el('span', { class: 'whole' }, errorParts(error))));
            if (breaker.last_failure_at) facts.push(fact('Last failure', timeOfDay(breaker.last_failure_at, now)));
            const opens = breaker.fail_max === null ? 'no number of them opens it' : `it opens at ${count(breaker.fail_max)}`;
            facts.push(fact('Failures in a row', `${count(breaker.consecutive_failures)}; ${opens}`));
            if (breaker.places) facts.push(fact('Under way', `${count(breaker.places[0])} of ${count(breaker.places[1])} calls at once`));
            const window = breaker.window;
            if (window) facts.push(fact('Window', `${count(window.calls)} calls, ${count(window.failures)} failed, ${count(window.slow)} slow`));
            return facts;
        });
    }

    figures(breaker) {
        const row = (name, title, number, share) => el('tr', {},
            el('th', { scope: 'row' }, el('i', { class: `key ${name}` }), title), el('td', {}, count(number)), el('td', {}, share));
        renderOnce(part('outcomes'), JSON.stringify(breaker.counts), () => outcomeRows(breaker.counts).map((values) => row(...values)));
        const most = (all) => [...(all ?? [])].sort((a, b) => b.times - a.times);
        const served = most(breaker.fallbacks);
        const failed = most(breaker.failed_fallbacks);
        renderOnce(part('fallbacks'), JSON.stringify([served, failed]), () => {
            const all = served.reduce((sum, one) => sum + one.times, 0);
            const line = (words, share) => ({ source, reason, times }) => el('tr', {},
                el('th', { scope: 'row' }, foreign(source)), el('td', { class: 'text' }, words(reason)), el('td', {}, count(times)), el('td', {}, share(times)));
            return [...served.map(line(reasonWords, (times) => percent(times / all))), ...failed.map(line(causeWords, () => ''))];
        });
        show(part('fallbacks').closest('table'), served.length + failed.length > 0);
        show(part('no-fallbacks'), served.length + failed.length === 0);
    }

    history(breaker) {
        const changes = [...(breaker.transitions ?? [])].reverse();
        const now = this.store.now();
        renderOnce(part('changes'), `${changes.length} ${changes[0]?.sequence}`, () => changes.map((change) => el('tr', { 'data-state': change.new },
            el('td', { class: 'time' }, timeOfDay(change.at, now)),
            el('td', { class: 'text' }, icon(change.new), ' ', change.shadow ? `in shadow: would be ${stateOf(change.new).technical}` : changeWords(change)),
            el('td', { class: 'text' }, reason(change) ? foreign(reason(change)) : ''))));
        show(part('changes').closest('table'), changes.length > 0);
        show(part('no-changes'), changes.length === 0);
    }

    tick() {
        const breaker = this.name && this.store.breakers.get(this.name);
        if (!breaker) return;
        const now = this.store.now();
        const { from, atLeast, attempts } = outage(breaker);
        const long = atLeast ? `for more than ${span(now - from)}` : `since ${timeOfDay(from, now)}, for ${span(now - from)}`;
        setText(part('since'), attempts > 0 ? `${long}; ${plural(attempts, 'attempt', 'attempts')} failed` : long);
        setText(part('next'), next(breaker, now));
        this.flow.draw(breaker.points ?? [], now, this.store.chart);
        this.hour.draw(breaker, now, this.store);
    }
}

function reasonWords(reason) {
    return { circuit_breaker_open: 'while calls were not made', busy: 'for want of a place', timeout: 'after a time-out', failure: 'after a failure' }[reason] ?? reason;
}

// Why a fallback did not help.
function causeWords(cause) {
    return { error: 'failed: it gave an error', cut_off: 'failed: it took too long', declined: 'failed: every step declined' }[cause] ?? `failed: ${cause}`;
}

// A function, where it stands, and the time limit of its calls.
function siteLine({ function: name, place, timeout, timeout_source: source }) {
    const limit = timeout ? [' ', foreign(`${timeout} (${sourceWords(source)})`, { class: 'quiet' })] : [];
    return el('li', {}, foreign(name, { class: 'code' }), ' ', foreign(place ?? '', { class: 'quiet' }), ...limit);
}

function auditLine({ at, who, action, before, after }, now) {
    return el('li', {}, el('time', { datetime: new Date(at).toISOString() }, timeOfDay(at, now)), ' ',
        foreign(String(who)), ': ', foreign(String(action).replaceAll('_', ' ')), ' ',
        el('span', { class: 'quiet' }, foreign(String(before)), ' → ', foreign(String(after))));
}
