// Shows the overall state and the last changes, and announces changes to screen readers.

import { foreign, html, render, setText, show } from './elements.js';
import { icon, tabIcon } from './icons.js';
import { brief, isDown, plural, stateOf, timeOfDay, verdict } from './labels.js';

const MAX_CHANGES = 25;
// Changes within this time are announced together, in milliseconds.
const ANNOUNCE_AFTER = 700;
// More changes than this are announced as a number.
const MAX_ANNOUNCED = 3;

const TONE_ICONS = { down: 'open', trial: 'half_open', working: 'closed', idle: 'disabled' };

export class Overview {
    constructor(store, open) {
        Object.assign(this, { store, open });
        this.verdict = document.getElementById('verdict');
        this.changes = document.getElementById('changes');
        this.tab = document.querySelector('link[rel=icon]');
        this.waiting = [];
        this.announcements = 0;
    }

    update() {
        const breakers = [...this.store.breakers.values()];
        const { text, tone } = verdict(breakers);
        this.verdict.dataset.tone = tone;
        setText(document.getElementById('verdict-text'), text);
        setText(document.getElementById('verdict-detail'), verdictDetail(breakers, this.store.status));
        render(icon(TONE_ICONS[tone]), document.getElementById('verdict-mark'));
        this.setTab(tone, tone === 'down' || tone === 'trial' ? `${text} · Circuit breakers` : 'Circuit breakers');
        const changes = this.store.changes.filter(newsworthy()).slice(0, MAX_CHANGES);
        show(document.getElementById('no-changes'), changes.length === 0);
        render(changes.map((change) => this.change(change)), this.changes);
    }

    // The title and the icon of the browser's tab.
    setTab(tone, title) {
        if (document.title !== title) document.title = title;
        const address = tabIcon(tone);
        if (this.tab.getAttribute('href') !== address) this.tab.setAttribute('href', address);
    }

    change({ name, transition }) {
        const { at, sequence, new: state } = transition;
        const label = this.store.breakers.get(name)?.label || name;
        return html`<li key="${sequence} ${name}" data-state=${state}>
            <time datetime=${new Date(at).toISOString()}>${timeOfDay(at, this.store.now())}</time>
            ${icon(state)}
            <div>
                <button type="button" class="link" onclick=${() => this.open(name)}>${foreign(label)}</button> ${changeWords(transition)}
                ${reason(transition) && html`<p class="because">${foreign(reason(transition))}</p>`}
            </div>
        </li>`;
    }

    // Announces a change once, in words.
    announce(name, transition) {
        if (transition.shadow) return;
        const label = brief(this.store.breakers.get(name)?.label || name);
        const why = reason(transition) ? `: ${brief(reason(transition), 160)}` : '';
        this.waiting.push({ text: `${label} ${changeWords(transition)}${why}.`, state: transition.new });
        this.timer ??= setTimeout(() => this.speak(), ANNOUNCE_AFTER);
    }

    speak() {
        this.timer = null;
        const waiting = this.waiting.splice(0);
        const down = waiting.filter(({ state }) => isDown(state)).length;
        const text = waiting.length <= MAX_ANNOUNCED
            ? waiting.map((one) => one.text).join(' ')
            : `${waiting.length} changes of state, ${down} of them to down. ${verdict([...this.store.breakers.values()]).text}.`;
        // A new element is read again, even if its text is the same.
        this.announcements += 1;
        render(html`<p key=${this.announcements}>${text}</p>`, document.getElementById('voice'));
    }
}

// What an operator wants to know beside the overall state.
function verdictDetail(breakers, status) {
    const number = (state) => breakers.filter((breaker) => breaker.state === state).length;
    const parts = [];
    const critical = breakers.filter((breaker) => breaker.critical && !breaker.healthy);
    if (critical.length > 0) parts.push(`the service is degraded, since ${list(critical)} ${critical.length === 1 ? 'is' : 'are'} critical`);
    else if (status === 'degraded') parts.push('the service is degraded');
    else if (breakers.some(({ healthy }) => !healthy)) parts.push('none of them is critical');
    if (number('disabled')) parts.push(`${plural(number('disabled'), 'is', 'are')} not guarded`);
    if (number('shadow')) parts.push(`${plural(number('shadow'), 'is', 'are')} only watched`);
    const text = parts.join('; ');
    return text && `${text[0].toUpperCase()}${text.slice(1)}.`;
}

// Leaves attempts out of the changes of an outage, unless an attempt is the last change.
function newsworthy() {
    const later = new Set();
    return ({ name, transition }) => {
        const hasLater = later.has(name);
        later.add(name);
        return !transition.shadow && !(hasLater && transition.new === 'half_open');
    };
}

// Why a breaker opened. The reason is shown with that change only.
export function reason({ new: state, because }) {
    return isDown(state) ? because : null;
}

export function changeWords({ old, new: state, reset }) {
    if (reset) return 'was reset, and is working';
    if (state === 'closed') return isDown(old) || old === 'half_open' ? 'is working again' : 'is guarded again, and working';
    if (state === 'open' && old === 'half_open') return 'is still down';
    return stateOf(state).says;
}

function list(breakers) {
    const names = breakers.slice(0, 3).map(({ label, name }) => brief(label || name, 40));
    const rest = breakers.length - names.length;
    if (rest > 0) return `${names.join(', ')} and ${rest} more`;
    return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : names[0];
}
