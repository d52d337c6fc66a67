// List: all breakers, filtered and in order. Only rows that can be seen are drawn, and only what has changed.

import { el, setAttribute, setText, show } from './elements.js';
import { icon } from './icons.js';
import { ORDERS } from './url_state.js';
import { Row } from './row.js';
import { STATES, count, failing, stateOf } from './labels.js';

export class List {
    constructor(store, place, open) {
        Object.assign(this, { store, place, open });
        this.rows = new Map();
        this.seen = new Set();
        this.rowOf = new WeakMap();
        this.watcher = new IntersectionObserver((entries) => this.see(entries), { rootMargin: '300px 0px' });
        this.list = document.getElementById('breakers');
        this.empty = document.getElementById('nothing');
        this.shown = document.getElementById('shown');
        this.filter = document.getElementById('filter');
        this.sort = document.getElementById('sort');
        this.states = document.getElementById('states');
        this.buttons = new Map();
        this.prepare();
    }

    prepare() {
        this.sort.append(...Object.entries(ORDERS).map(([value, text]) => el('option', { value }, text)));
        this.sort.addEventListener('change', () => this.move({ sort: this.sort.value }));
        this.filter.addEventListener('input', () => this.move({ filter: this.filter.value }));
        this.filter.addEventListener('keydown', (event) => {
            if (event.key === 'Escape' && this.filter.value) {
                this.filter.value = '';
                this.move({ filter: '' });
            }
        });
        for (const name of ['', ...Object.keys(STATES)]) {
            const number = el('span', { class: 'number' });
            const title = name ? stateOf(name).word : 'All';
            const button = el('button', { type: 'button', 'aria-pressed': 'false', 'data-state': name || null,
                onclick: () => this.move({ state: this.place.state === name ? '' : name }) },
            name ? icon(name) : null, title, ' ', number);
            this.buttons.set(name, { button, number });
            this.states.append(button);
        }
        this.list.addEventListener('keydown', (event) => this.walk(event));
        this.fromPlace();
    }

    move(values) {
        this.place.change(values);
        this.fromPlace();
        this.arrange();
    }

    fromPlace() {
        if (this.filter.value !== this.place.filter) this.filter.value = this.place.filter;
        this.sort.value = this.place.sort;
        for (const [name, { button }] of this.buttons) setAttribute(button, 'aria-pressed', String(name === this.place.state));
    }

    // The arrow keys go from name to name.
    walk(event) {
        const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
        const target = step && event.target.closest('.row')?.[step]?.querySelector('.name');
        if (!target) return;
        event.preventDefault();
        target.focus();
    }

    see(entries) {
        for (const { target, isIntersecting } of entries) {
            const row = this.rowOf.get(target);
            if (!row) continue;
            if (isIntersecting) {
                this.seen.add(row);
                this.draw(row);
            } else {
                this.seen.delete(row);
            }
        }
    }

    draw(row) {
        const breaker = this.store.breakers.get(row.name);
        if (breaker) row.update(breaker, this.store);
    }

    // `names`: those that are not as before; all of them without it.
    update(names) {
        for (const name of names ?? this.store.breakers.keys()) {
            const row = this.rows.get(name);
            if (row && this.seen.has(row)) this.draw(row);
        }
        this.arrange();
    }

    tick() {
        for (const row of this.seen) if (row.breaker) row.tick(this.store);
    }

    matches(breaker) {
        if (this.place.state && breaker.state !== this.place.state) return false;
        const words = this.place.filter.toLowerCase().split(/\s+/u).filter(Boolean);
        if (words.length === 0) return true;
        const name = `${breaker.name}\n${breaker.label}`.toLowerCase();
        const { word: state, technical } = stateOf(breaker.state);
        // "se" is not meant to find everything that is closed.
        const states = `${state} ${technical}`.toLowerCase().split(' ');
        return words.every((word) => name.includes(word) || states.some((one) => one.startsWith(word)));
    }

    arrange() {
        const fitting = [...this.store.breakers.values()].filter((breaker) => this.matches(breaker));
        const wanted = fitting.sort(ordering(this.place.sort, new Set(fitting.filter(failing))));
        for (const [name, row] of this.rows) if (!this.store.breakers.has(name)) this.forget(name, row);
        const focused = document.activeElement;
        const nodes = wanted.map(({ name }) => (this.rows.get(name) ?? this.make(name)).node);
        const kept = new Set(nodes);
        for (const node of [...this.list.children]) if (!kept.has(node)) node.remove();
        let place = this.list.firstElementChild;
        for (const node of nodes) {
            // A row that goes down is put in again where it comes to; the others stay where they are.
            if (node !== place && place?.nextElementSibling === node) {
                place.remove();
                place = node;
            }
            if (node === place) place = node.nextElementSibling;
            else this.list.insertBefore(node, place);
        }
        if (focused !== document.activeElement && this.list.contains(focused)) focused.focus({ preventScroll: true });
        this.tell(wanted.length);
    }

    make(name) {
        const row = new Row(name, this.open);
        this.rows.set(name, row);
        this.rowOf.set(row.node, row);
        this.watcher.observe(row.node);
        this.draw(row);
        return row;
    }

    forget(name, row) {
        this.watcher.unobserve(row.node);
        this.seen.delete(row);
        this.rows.delete(name);
        row.node.remove();
    }

    tell(shown) {
        const all = this.store.breakers.size;
        const numbers = new Map();
        for (const { state } of this.store.breakers.values()) numbers.set(state, (numbers.get(state) ?? 0) + 1);
        for (const [name, { button, number }] of this.buttons) {
            const of = name ? numbers.get(name) ?? 0 : all;
            setText(number, count(of));
            show(button, name === '' || of > 0 || this.place.state === name);
        }
        const leftOut = this.store.leftOut > 0 ? ` (${count(this.store.leftOut)} more values of keys are unhealthy, and there is no room for them here)` : '';
        setText(this.shown, (shown === all ? '' : `${count(shown)} of ${count(all)} shown`) + leftOut);
        show(this.empty, shown === 0);
        setText(this.empty, all === 0
            ? 'There is no circuit breaker yet. Those of annotated functions are known before their first call, others from the moment that they are made.'
            : 'No dependency fits the filter.');
    }
}

const alphabet = new Intl.Collator('en', { numeric: true });

// Every order ends with the name, so that equal rows never change places.
function ordering(sort, shaky) {
    const byName = (a, b) => alphabet.compare(a.label || a.name, b.label || b.name) || (a.name < b.name ? -1 : 1);
    const byNumber = (of) => (a, b) => of(b) - of(a) || byName(a, b);
    switch (sort) {
        case 'name': return byName;
        case 'failures': return byNumber(({ counts }) => counts.failure);
        case 'rejected': return byNumber(({ counts }) => counts.rejected);
        default: return (a, b) => stateOf(a.state).rank - stateOf(b.state).rank
            || Number(b.critical) - Number(a.critical)
            || shaky.has(b) - shaky.has(a) || byName(a, b);
    }
}
