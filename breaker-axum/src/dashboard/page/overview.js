// Overview: the verdict at the head, what has changed lately, and the words for screen readers.

import { el, foreign, renderOnce, setAttribute, setText, show } from './elements.js';
import { icon, tabIcon } from './icons.js';
import { brief, isDown, plural, stateOf, timeOfDay, verdict } from './labels.js';

const MOST_CHANGES = 25;

export class Overview {
    constructor(store, open) {
        Object.assign(this, { store, open });
        this.verdict = document.getElementById('verdict');
        this.verdictText = document.getElementById('verdict-text');
        this.verdictMark = document.getElementById('verdict-mark');
        this.detail = document.getElementById('verdict-detail');
        this.changes = document.getElementById('changes');
        this.noChanges = document.getElementById('no-changes');
        this.voice = document.getElementById('voice');
        this.tab = document.querySelector('link[rel=icon]');
        this.waiting = [];
    }

    update() {
        const breakers = [...this.store.breakers.values()];
        const { text, tone } = verdict(breakers);
        setText(this.verdictText, text);
        setAttribute(this.verdict, 'data-tone', tone);
        renderOnce(this.verdictMark, tone, () => icon({ down: 'open', trial: 'half_open', working: 'closed', idle: 'disabled' }[tone]));
        setText(this.detail, this.more(breakers));
        this.tabSays(tone, tone === 'down' || tone === 'trial' ? `${text} · Circuit breakers` : 'Circuit breakers');
        this.tellChanges();
    }

    tabSays(tone, title) {
        if (document.title !== title) document.title = title;
        const address = tabIcon(tone);
        if (this.tab.getAttribute('href') !== address) this.tab.setAttribute('href', address);
    }

    more(breakers) {
        const of = (state) => breakers.filter((breaker) => breaker.state === state).length;
        const said = [];
        const critical = breakers.filter((breaker) => breaker.critical && !breaker.healthy);
        if (critical.length > 0) said.push(`the service is degraded, since ${list(critical)} ${critical.length === 1 ? 'is' : 'are'} critical`);
        else if (this.store.status === 'degraded') said.push('the service is degraded');
        else if (breakers.some(({ healthy }) => !healthy)) said.push('none of them is critical');
        if (of('disabled')) said.push(`${plural(of('disabled'), 'is', 'are')} not guarded`);
        if (of('shadow')) said.push(`${plural(of('shadow'), 'is', 'are')} only watched`);
        const text = said.join('; ');
        return text && `${text[0].toUpperCase()}${text.slice(1)}.`;
    }

    tellChanges() {
        const changes = this.store.changes.filter(newsworthy()).slice(0, MOST_CHANGES);
        show(this.noChanges, changes.length === 0);
        const now = this.store.now();
        renderOnce(this.changes, changes.map(({ name, transition }) => `${transition.sequence} ${name}`).join(), () => changes.map(({ name, transition }) => {
            const label = this.store.breakers.get(name)?.label || name;
            return el('li', { 'data-state': transition.new },
                el('time', { datetime: new Date(transition.at).toISOString() }, timeOfDay(transition.at, now)),
                icon(transition.new),
                el('div', {},
                    el('button', { type: 'button', class: 'link', onclick: () => this.open(name) }, foreign(label)),
                    ' ', changeWords(transition),
                    reason(transition) ? el('p', { class: 'because' }, foreign(reason(transition))) : null));
        }));
    }

    // Told in words, once for each change; many at one moment are told as a number.
    say(name, transition) {
        if (transition.shadow) return;
        const label = brief(this.store.breakers.get(name)?.label || name);
        this.waiting.push({ text: `${label} ${changeWords(transition)}${reason(transition) ? `: ${brief(reason(transition), 160)}` : ''}.`, state: transition.new });
        this.timer ??= setTimeout(() => this.speak(), 700);
    }

    speak() {
        this.timer = null;
        const waiting = this.waiting.splice(0);
        const down = waiting.filter(({ state }) => isDown(state)).length;
        const text = waiting.length <= 3
            ? waiting.map((one) => one.text).join(' ')
            : `${waiting.length} changes of state, ${down} of them to down. ${verdict([...this.store.breakers.values()]).text}.`;
        this.voice.replaceChildren(el('p', {}, text));
    }
}

// Of an outage that goes on, what its attempts came to is news; that they were begun is so only while nothing has come of it.
function newsworthy() {
    const later = new Set();
    return ({ name, transition }) => {
        const over = later.has(name);
        later.add(name);
        return !transition.shadow && !(over && transition.new === 'half_open');
    };
}

// Why it opened; told again of later changes it would only be in the way.
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
