// Shows all breakers, filtered and in order, with the controls for both.

import { Component, html } from './elements.js';
import { icon } from './icons.js';
import { ORDERS } from './url_state.js';
import { Row } from './row.js';
import { STATES, count, failing, stateOf } from './labels.js';

// Props: `store`, `url` (a `UrlState`), `change(values)` for another filter or order, and
// `open(name)`.
export class List extends Component {
    constructor(props) {
        super(props);
        this.visible = new Set();
        this.rows = new WeakMap();
        this.observer = new IntersectionObserver((entries) => this.observe(entries), { rootMargin: '300px 0px' });
        this.watch = (row) => {
            this.rows.set(row.base, row);
            this.observer.observe(row.base);
        };
        this.unwatch = (row) => {
            this.observer.unobserve(row.base);
            this.visible.delete(row);
        };
    }

    observe(entries) {
        for (const { target, isIntersecting } of entries) {
            const row = this.rows.get(target);
            if (!row) continue;
            row.visible = isIntersecting;
            if (isIntersecting) {
                this.visible.add(row);
                row.forceUpdate();
            } else {
                this.visible.delete(row);
            }
        }
    }

    // Moves the focus to the name of a breaker.
    focus(name) {
        const row = this.list.children[this.names().indexOf(name)];
        row?.querySelector('.name').focus({ preventScroll: true });
    }

    // Draws what only time changes, in the rows that are in view.
    tick() {
        for (const row of this.visible) row.forceUpdate();
    }

    // Moving a row takes the focus from it.
    getSnapshotBeforeUpdate() {
        return document.activeElement;
    }

    componentDidUpdate(_, __, focused) {
        if (focused !== document.activeElement && this.list.contains(focused)) focused.focus({ preventScroll: true });
    }

    // The names of the breakers that match the filter, in order.
    names() {
        const { store, url } = this.props;
        const key = `${store.version} ${url.filter} ${url.state} ${url.sort}`;
        if (this.key !== key) {
            this.key = key;
            const matching = [...store.breakers.values()].filter((breaker) => matches(breaker, url));
            this.ordered = matching.sort(ordering(url.sort, new Set(matching.filter(failing)))).map(({ name }) => name);
        }
        return this.ordered;
    }

    render({ store, url, change, open }) {
        const names = this.names();
        const all = store.breakers.size;
        return html`
            <h2 id="list-title" class="unseen">Dependencies</h2>
            <form class="toolbar" role="search" aria-label="Dependencies" action="#">
                <div class="states" id="states" role="group" aria-label="Show only one state">
                    ${['', ...Object.keys(STATES)].map((state) => html`<${StateButton} key=${state} state=${state} store=${store} url=${url} change=${change} />`)}
                </div>
                <div class="finder">
                    <label class="search"><span class="unseen">Filter by name or state</span>
                        <input id="filter" type="search" placeholder="Filter" autocomplete="off" spellcheck=${false}
                            aria-keyshortcuts="/" value=${url.filter}
                            oninput=${(event) => change({ filter: event.target.value })}
                            onkeydown=${(event) => event.key === 'Escape' && url.filter && change({ filter: '' })}
                        /><kbd aria-hidden="true">/</kbd></label>
                    <label class="sort"><span>Sort by</span> <select id="sort" value=${url.sort} onchange=${(event) => change({ sort: event.target.value })}>
                        ${Object.entries(ORDERS).map(([value, text]) => html`<option value=${value}>${text}</option>`)}
                    </select></label>
                </div>
                <p id="shown" class="quiet shown" role="status">${shownWords(names.length, all, store.leftOut)}</p>
            </form>
            <div class="heads" aria-hidden="true">
                <span>State</span><span>Dependency</span><span>Last two minutes</span><span>Since start</span><span>Last hour</span>
            </div>
            <ul id="breakers" class="rows" tabindex="-1" ref=${(node) => { this.list = node; }} onkeydown=${moveFocus}>
                ${names.map((name) => html`<${Row} key=${name} breaker=${store.breakers.get(name)} store=${store}
                    open=${open} watch=${this.watch} unwatch=${this.unwatch} />`)}
            </ul>
            <p id="nothing" class="nothing quiet" hidden=${names.length > 0}>${all === 0
                ? 'There is no circuit breaker yet. Those of annotated functions appear before their first call, others when the code creates them.'
                : 'No dependency matches the filter.'}</p>`;
    }
}

// Shows only the breakers in one state, or all.
function StateButton({ state, store, url, change }) {
    const all = [...store.breakers.values()];
    const number = state ? all.filter((breaker) => breaker.state === state).length : all.length;
    const pressed = state === url.state;
    return html`<button type="button" aria-pressed=${String(pressed)} data-state=${state || null}
        hidden=${state !== '' && number === 0 && !pressed} onclick=${() => change({ state: pressed ? '' : state })}>
        ${state && icon(state)}${state ? stateOf(state).word : 'All'} <span class="number">${count(number)}</span>
    </button>`;
}

// The arrow keys move the focus from name to name.
function moveFocus(event) {
    const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
    const target = step && event.target.closest('.row')?.[step]?.querySelector('.name');
    if (!target) return;
    event.preventDefault();
    target.focus();
}

function matches(breaker, { filter, state: wanted }) {
    if (wanted && breaker.state !== wanted) return false;
    const words = filter.toLowerCase().split(/\s+/u).filter(Boolean);
    if (words.length === 0) return true;
    const name = `${breaker.name}\n${breaker.label}`.toLowerCase();
    const { word, technical } = stateOf(breaker.state);
    // A word matches the start of a state only: "se" does not mean "closed".
    const states = `${word} ${technical}`.toLowerCase().split(' ');
    return words.every((part) => name.includes(part) || states.some((one) => one.startsWith(part)));
}

function shownWords(shown, all, leftOut) {
    const part = shown === all ? '' : `${count(shown)} of ${count(all)} shown`;
    return leftOut > 0 ? `${part} (${count(leftOut)} more keyed breakers are unhealthy and are not listed)` : part;
}

const alphabet = new Intl.Collator('en', { numeric: true });

// Every order ends with the name, so that equal rows never change places.
function ordering(sort, fails) {
    const byName = (a, b) => alphabet.compare(a.label || a.name, b.label || b.name) || (a.name < b.name ? -1 : 1);
    const byNumber = (of) => (a, b) => of(b) - of(a) || byName(a, b);
    switch (sort) {
        case 'name': return byName;
        case 'failures': return byNumber(({ counts }) => counts.failure);
        case 'rejected': return byNumber(({ counts }) => counts.rejected);
        default: return (a, b) => stateOf(a.state).rank - stateOf(b.state).rank
            || Number(b.critical) - Number(a.critical)
            || fails.has(b) - fails.has(a) || byName(a, b);
    }
}
