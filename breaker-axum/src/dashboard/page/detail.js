// Shows everything about one breaker, in a dialog at the side.

import { ActionButtons, Actions } from './actions.js';
import { FlowChart, HourChart, outcomeRows } from './charts.js';
import { foreign, html, render } from './elements.js';
import { icon } from './icons.js';
import { changeWords, reason } from './overview.js';
import { errorParts } from './row.js';
import { Settings, sourceWords } from './settings.js';
import { count, next, outage, percent, plural, span, stateOf, timeOfDay } from './labels.js';

const LARGE_CHART = { gap: 0.12, fallbacks: true, stripe: 3 };

export class Detail {
    // `onClose()` runs when the dialog was closed, by whatever means. `login()` asks for the token.
    constructor(store, session, onClose, login) {
        Object.assign(this, { store, session, login });
        this.dialog = document.getElementById('detail');
        this.sheet = this.dialog.querySelector('.sheet');
        this.say = (text, good) => {
            this.result = { text, good };
            this.update();
        };
        this.done = () => this.fetch();
        this.actions = new Actions(session, this.say, this.done);
        // A click beside the dialog closes it, as Escape does.
        this.dialog.addEventListener('click', (event) => {
            if (event.target === this.dialog) this.dialog.close();
        });
        this.dialog.addEventListener('close', () => {
            // The event comes later than the closing: the next breaker may be open by now.
            if (this.dialog.open) return;
            this.name = null;
            onClose();
        });
    }

    open(name) {
        if (this.name === name && this.dialog.open) return;
        Object.assign(this, { name, known: null, result: null, breaker: null });
        this.update();
        if (!this.dialog.open) this.dialog.showModal();
        this.dialog.scrollTop = 0;
        this.fetch();
    }

    close() {
        if (this.dialog.open) this.dialog.close();
    }

    // Fetches what the events do not have.
    async fetch() {
        const { name } = this;
        if (!name) return;
        try {
            const known = await this.session.detail(name);
            if (this.name !== name) return;
            if (!known) return this.say('The server no longer knows this breaker.', false);
            this.known = known;
            this.update();
        } catch (error) {
            if (this.name === name) this.say(`The settings could not be loaded: ${error.message}.`, false);
        }
    }

    update() {
        if (!this.name) return;
        const present = this.store.breakers.get(this.name);
        // The last known state of a breaker that is gone stays readable.
        this.breaker = present ?? this.breaker;
        this.dialog.dataset.state = this.breaker?.state ?? '';
        render(html`<${Sheet} name=${this.name} breaker=${this.breaker} gone=${!present} known=${this.known}
            result=${this.result} detail=${this} store=${this.store} now=${this.store.now()} />`, this.sheet);
    }
}

function Sheet({ name, breaker, gone, known, result, detail, store, now }) {
    return html`
        <${Header} name=${name} breaker=${breaker} gone=${gone} now=${now} close=${() => detail.close()} />
        <div data-part="result" class="result" role="status">
            ${result && html`<p class=${result.good ? 'good' : 'bad'}>${foreign(result.text)}</p>`}
        </div>
        <section data-part="actions" aria-labelledby="actions-title" hidden=${gone || store.actions === 'off'}>
            <h3 id="actions-title">Act</h3>
            ${breaker && store.actions === 'on' && html`<div data-part="buttons">
                <${ActionButtons} breaker=${breaker} start=${(action) => detail.actions.start(breaker, action)} />
            </div>`}
            ${store.actions === 'login' && html`<p data-part="locked" class="quiet">Acting needs the token of the dashboard.
                ${' '}<button type="button" data-part="login" onclick=${detail.login}>Log in</button></p>`}
        </section>
        ${breaker && html`
            <${Facts} breaker=${breaker} now=${now} />
            <${Fallbacks} breaker=${breaker} />
            <${LastMinutes} breaker=${breaker} store=${store} now=${now} />
            <${Outcomes} counts=${breaker.counts} />
            <${LastHour} breaker=${breaker} store=${store} now=${now} />`}
        <${Section} id="settings" title="Settings">
            <${Settings} name=${name} settings=${known?.settings} allowed=${store.actions === 'on'}
                session=${detail.session} say=${detail.say} done=${detail.done} />
        <//>
        <${Section} id="sites" title="Functions that share it"><${Sites} sites=${known?.call_sites} /><//>
        <${Section} id="audit" title="Who did what"><${Audit} entries=${known?.audit} allowed=${store.actions === 'on'} now=${now} /><//>`;
}

function Section({ id, title, children }) {
    return html`<section aria-labelledby="${id}-title">
        <h3 id="${id}-title">${title}</h3>
        <div data-part=${id}>${children}</div>
    </section>`;
}

function Header({ name, breaker, gone, now, close }) {
    const state = gone
        ? { word: 'Gone', technical: '', means: 'This breaker is no longer listed: it was removed, or it is one of many keyed breakers and healthy again.' }
        : stateOf(breaker.state);
    const label = breaker?.label || name;
    return html`<header>
        <div class="headline">
            <h2 id="detail-name" data-part="name">${foreign(gone ? name : label)}</h2>
            <button type="button" id="detail-close" class="plain" aria-label="Close" autofocus onclick=${close}>${icon('close')}</button>
        </div>
        <p class="now">
            <span class="status"><span data-part="mark" class="mark">${breaker && icon(breaker.state)}</span><span class="words"><span data-part="word" class="word">${state.word}</span> <span data-part="technical" class="technical">${state.technical}</span></span></span>
            <span data-part="critical" class="tag" hidden=${!breaker?.critical}>critical</span>
            <span data-part="since" class="since">${breaker && !gone && since(breaker, now)}</span>
            <span data-part="next" class="next">${breaker && !gone && next(breaker, now)}</span>
        </p>
        ${label !== name && html`<p data-part="other-name" class="quiet">registered as ${foreign(name, { class: 'code' })}</p>`}
        <p data-part="means" class="means">${state.means}</p>
    </header>`;
}

function since(breaker, now) {
    const { from, atLeast, attempts } = outage(breaker);
    const time = atLeast ? `for more than ${span(now - from)}` : `since ${timeOfDay(from, now)}, for ${span(now - from)}`;
    return attempts > 0 ? `${time}; ${plural(attempts, 'attempt', 'attempts')} failed` : time;
}

function Facts({ breaker, now }) {
    const { because } = outage(breaker);
    const { opened_because: last, last_error: error, last_failure_at: failedAt, places, window } = breaker;
    const opens = breaker.fail_max === null ? 'no number of them opens it' : `it opens at ${count(breaker.fail_max)}`;
    const facts = [
        ['It opened because', because && foreign(because)],
        ['Last attempt', last && last !== because && foreign(last)],
        ['Last error', error && html`<span class="whole">${errorParts(error)}</span>`],
        ['Last failure', failedAt && timeOfDay(failedAt, now)],
        ['Consecutive failures', `${count(breaker.consecutive_failures)}; ${opens}`],
        ['In flight', places && `${count(places[0])} of ${count(places[1])} calls at once`],
        ['Window', window && `${count(window.calls)} calls, ${count(window.failures)} failed, ${count(window.slow)} slow`],
    ].filter(([, value]) => value);
    return html`<section aria-labelledby="facts-title">
        <h3 id="facts-title">Why</h3>
        <dl data-part="facts" class="facts">${facts.map(([title, value]) => html`<div key=${title}><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>
    </section>`;
}

function Fallbacks({ breaker }) {
    const byTimes = (all) => [...(all ?? [])].sort((a, b) => b.times - a.times);
    const served = byTimes(breaker.fallbacks);
    const failed = byTimes(breaker.failed_fallbacks);
    const all = served.reduce((sum, one) => sum + one.times, 0);
    const line = (words, share) => ({ source, reason: why, times }) => html`<tr>
        <th scope="row">${foreign(source)}</th><td class="text">${words(why)}</td><td>${count(times)}</td><td>${share(times)}</td>
    </tr>`;
    return html`<section aria-labelledby="fallbacks-title">
        <h3 id="fallbacks-title">What users got instead</h3>
        ${served.length + failed.length === 0 ? html`<p data-part="no-fallbacks" class="quiet">No fallback was used since the start.</p>` : html`<table class="numbers">
            <caption class="unseen">Answers of fallbacks since the start, and fallbacks that failed</caption>
            <thead><tr><th scope="col">Fallback</th><th scope="col" class="text">When</th><th scope="col">Times</th><th scope="col">Share</th></tr></thead>
            <tbody data-part="fallbacks">${served.map(line(reasonWords, (times) => percent(times / all)))}${failed.map(line(causeWords, () => ''))}</tbody>
        </table>`}
    </section>`;
}

function LastMinutes({ breaker, store, now }) {
    const keys = [['success', 'succeeded'], ['failure', 'failed'], ['rejected', 'rejected'], ['fallback', 'answered by a fallback']];
    return html`<section aria-labelledby="flow-title">
        <h3 id="flow-title">Last two minutes</h3>
        <div data-part="flow" class="big"><${FlowChart} ...${LARGE_CHART} points=${breaker.points} now=${now} chart=${store.chart} /></div>
        <p class="axis quiet" aria-hidden="true"><span>2 min ago</span><span>1 min ago</span><span>now</span></p>
        <ul class="keys quiet" aria-hidden="true">${keys.map(([name, word]) => html`<li><i class="key ${name}" />${word}</li>`)}</ul>
    </section>`;
}

function Outcomes({ counts }) {
    return html`<section aria-labelledby="outcomes-title">
        <h3 id="outcomes-title">Calls since the start</h3>
        <table class="numbers">
            <caption class="unseen">Calls by outcome</caption>
            <thead><tr><th scope="col">Outcome</th><th scope="col">Calls</th><th scope="col">Share</th></tr></thead>
            <tbody data-part="outcomes">${outcomeRows(counts).map(([name, title, number, share]) => html`<tr key=${name}>
                <th scope="row"><i class="key ${name}" />${title}</th><td>${count(number)}</td><td>${share}</td>
            </tr>`)}</tbody>
        </table>
    </section>`;
}

function LastHour({ breaker, store, now }) {
    const changes = [...(breaker.transitions ?? [])].reverse();
    const what = (change) => (change.shadow ? `in shadow: would be ${stateOf(change.new).technical}` : changeWords(change));
    return html`<section aria-labelledby="hour-title">
        <h3 id="hour-title">Last hour</h3>
        <div data-part="hour" class="big-hour"><${HourChart} breaker=${breaker} now=${now} history=${store.history} since=${store.since} /></div>
        <p class="axis quiet" aria-hidden="true"><span>1 h ago</span><span>30 min ago</span><span>now</span></p>
        <div class="scroll" tabindex="0" role="group" aria-labelledby="hour-title">
            ${changes.length === 0 ? html`<p data-part="no-changes" class="quiet">No change of state.</p>` : html`<table class="happened">
                <caption class="unseen">Changes of state within the last hour</caption>
                <thead><tr><th scope="col">Time</th><th scope="col">What</th><th scope="col">Why</th></tr></thead>
                <tbody data-part="changes">${changes.map((change) => html`<tr key=${change.sequence} data-state=${change.new}>
                    <td class="time">${timeOfDay(change.at, now)}</td>
                    <td class="text">${icon(change.new)} ${what(change)}</td>
                    <td class="text">${reason(change) && foreign(reason(change))}</td>
                </tr>`)}</tbody>
            </table>`}
        </div>
    </section>`;
}

const LOADING = html`<p class="quiet">Loading …</p>`;

// The functions that share the breaker, where they are, and the time limits of their calls.
function Sites({ sites }) {
    if (!sites) return LOADING;
    if (sites.length === 0) return html`<p class="quiet">No annotated function: it is used through its own methods.</p>`;
    return html`<ul class="sites">${sites.map(({ function: name, place, timeout, timeout_source: source }) => html`<li>
        ${foreign(name, { class: 'code' })} ${foreign(place ?? '', { class: 'quiet' })}
        ${timeout && [' ', foreign(`${timeout} (${sourceWords(source)})`, { class: 'quiet' })]}
    </li>`)}</ul>`;
}

function Audit({ entries, allowed, now }) {
    if (!entries) return LOADING;
    if (entries.length === 0) return html`<p class="quiet">${allowed ? 'No action on it since the process started.' : 'Shown to people who are logged in.'}</p>`;
    return html`<ol class="audit">${[...entries].reverse().map(({ at, who, action, before, after }) => html`<li>
        <time datetime=${new Date(at).toISOString()}>${timeOfDay(at, now)}</time> ${foreign(String(who))}: ${foreign(String(action).replaceAll('_', ' '))}
        ${' '}<span class="quiet">${foreign(String(before))} → ${foreign(String(after))}</span>
    </li>`)}</ol>`;
}

function reasonWords(why) {
    const words = { circuit_breaker_open: 'while calls were rejected', busy: 'while the breaker was busy', timeout: 'after a time-out', failure: 'after a failure' };
    return words[why] ?? why;
}

// Why a fallback did not help.
function causeWords(cause) {
    const words = { error: 'it gave an error', cut_off: 'it took too long', declined: 'every step declined' };
    return `failed: ${words[cause] ?? cause}`;
}
