// Charts: the last two minutes, the last hour and the shares of outcomes, as drawings with words for those who cannot see them.

import { el, freshId, setAttribute, setText, svg } from './elements.js';
import { count, isDown, percent, plural, shortCount, span, stateOf, total } from './labels.js';

const HEIGHT = 100;
// What is there must be seen, however small it is beside the rest.
const LEAST = 5;

// Calls of each second: those that succeeded stand on the line, those that failed or were not made hang below it.
export class FlowChart {
    constructor({ gap = 0, fallbacks = false, stripe = 10 } = {}) {
        this.gap = gap;
        this.success = svg('path', { class: 'success' });
        this.failure = svg('path', { class: 'failure' });
        // Stripes that lie flat stay stripes, however the drawing is stretched.
        const stripes = freshId('stripes');
        this.rejected = svg('path', { class: 'rejected', fill: `url(#${stripes})` });
        this.fallback = fallbacks ? svg('path', { class: 'fallback' }) : null;
        this.line = svg('path', { class: 'line' });
        this.drawing = svg('svg', { class: 'drawing', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
            svg('defs', {}, svg('pattern', { id: stripes, patternUnits: 'userSpaceOnUse', width: 8, height: stripe },
                svg('rect', { class: 'pale', width: 8, height: stripe }), svg('rect', { class: 'full', width: 8, height: stripe * 0.62 }))),
            this.line, this.success, this.failure, this.rejected, this.fallback);
        this.peak = el('span', { class: 'peak', 'aria-hidden': 'true' });
        this.node = el('div', { class: 'flow', role: 'img' }, this.drawing, this.peak);
    }

    draw(points, now, { points: steps, step_ms: step }) {
        const end = Math.floor(now / step) * step;
        const start = end - (steps - 1) * step;
        const shown = points.filter(([at]) => at >= start && at <= end);
        const up = Math.max(0, ...shown.map(([, success]) => success));
        const down = Math.max(0, ...shown.map(([, , failure, rejected, fallback, busy]) => Math.max(failure + rejected + busy, this.fallback ? fallback : 0)));
        const whole = Math.max(up + down, 1);
        const base = down === 0 ? HEIGHT - 1 : up === 0 ? 1 : Math.min(0.85, Math.max(0.15, up / whole)) * HEIGHT;
        const upwards = (number) => (number === 0 ? 0 : Math.max(LEAST, (number / up) * (base - 1)));
        const downwards = (number) => (number === 0 ? 0 : Math.max(LEAST, (number / down) * (HEIGHT - base - 1)));
        const bar = (x, y, height) => (height === 0 ? '' : `M${x} ${y.toFixed(1)}h${1 - this.gap}v${height.toFixed(1)}h${this.gap - 1}z`);
        const paths = { success: '', failure: '', rejected: '', fallback: '' };
        for (const [at, success, failure, rejected, fallback, busy] of shown) {
            const x = Math.round((at - start) / step);
            const good = upwards(success);
            const bad = downwards(failure);
            paths.success += bar(x, base - good, good);
            paths.failure += bar(x, base, bad);
            paths.rejected += bar(x, base + bad, Math.min(downwards(rejected + busy), HEIGHT - base - bad));
            if (fallback > 0) paths.fallback += `M${x} ${(base + downwards(fallback)).toFixed(1)}h1`;
        }
        setAttribute(this.drawing, 'viewBox', `0 0 ${steps} ${HEIGHT}`);
        for (const [name, path] of Object.entries(paths)) if (this[name]) setAttribute(this[name], 'd', path);
        setAttribute(this.line, 'd', `M0 ${base.toFixed(1)}H${steps}`);
        const peak = Math.max(0, ...shown.map(([, s, f, r, , b]) => s + f + r + b));
        setText(this.peak, peak > 0 ? `peak ${shortCount(peak)}/s` : 'no calls seen');
        setAttribute(this.node, 'aria-label', this.words(shown, peak, steps * step));
    }

    words(points, peak, length) {
        const sum = (column) => points.reduce((all, point) => all + point[column], 0);
        if (peak === 0) return `Last ${span(length)}: no calls seen`;
        const busy = sum(5) > 0 ? `, ${count(sum(5))} found no place` : '';
        return `Last ${span(length)}: ${count(sum(1))} succeeded, ${count(sum(2))} failed, ${count(sum(3))} were rejected${busy}; `
            + `at most ${plural(peak, 'call', 'calls')} a second`;
    }
}

// The states of the last hour. Good times are a thin line, others are as tall as they are bad.
export class HourChart {
    constructor() {
        this.drawing = svg('svg', { class: 'drawing', preserveAspectRatio: 'none', viewBox: '0 0 1000 20', 'aria-hidden': 'true' });
        this.node = el('div', { class: 'hour', role: 'img' }, this.drawing);
    }

    draw(breaker, now, { history, since }) {
        const pieces = stretches(breaker, now, Math.max(now - history, since));
        const x = (at) => Math.max(0, Math.min(1000, 1000 - ((now - at) / history) * 1000));
        const drawn = pieces.map(({ state, from, to }) => {
            // An outage of ten seconds has to be seen in an hour.
            const width = Math.max(x(to) - x(from), state === 'closed' ? 1 : 9);
            const left = Math.min(x(from), 1000 - width);
            const tall = state === 'closed' ? 4 : isDown(state) ? 20 : 12;
            return { state, left, width, tall };
        });
        drawn.sort((a, b) => stateOf(b.state).rank - stateOf(a.state).rank);
        const key = drawn.map(({ state, left, width }) => `${state} ${left.toFixed(0)} ${width.toFixed(0)}`).join();
        if (this.key === key) return;
        this.key = key;
        this.drawing.replaceChildren(...drawn.map(({ state, left, width, tall }) => svg('rect', {
            class: `state-${stateOf(state).technical.replace(' ', '-')}`,
            x: left.toFixed(1), y: (20 - tall) / 2, width: width.toFixed(1), height: tall,
        })));
        setAttribute(this.node, 'aria-label', this.words(pieces, history));
    }

    words(pieces, history) {
        const outages = pieces.filter(({ state }, index) => isDown(state) && !isDown(pieces[index - 1]?.state)).length;
        const time = pieces.filter(({ state }) => isDown(state)).reduce((sum, { from, to }) => sum + to - from, 0);
        const whole = history === 3600000 ? 'Last hour' : `Last ${span(history)}`;
        return outages === 0 ? `${whole}: never down` : `${whole}: down ${plural(outages, 'time', 'times')}, ${span(time)} in all`;
    }
}

// What its states were, and from when to when; nothing is known of the time before `begin`.
export function stretches(breaker, now, begin) {
    const changes = (breaker.transitions ?? []).filter(({ at, shadow }) => at >= begin && !shadow);
    if (changes.length === 0) {
        return [{ state: breaker.state, from: Math.max(begin, breaker.state_changed_at), to: now }];
    }
    const pieces = [];
    let from = begin;
    let state = changes[0].old;
    for (const change of changes) {
        if (change.at > from) pieces.push({ state, from, to: change.at });
        from = Math.max(from, change.at);
        state = change.new;
    }
    // An open breaker whose time is over is half-open at once, and nobody is told before the first trial.
    if (state !== breaker.state && breaker.state === 'half_open' && breaker.state_changed_at > from) {
        pieces.push({ state, from, to: breaker.state_changed_at });
        from = breaker.state_changed_at;
        state = breaker.state;
    }
    pieces.push({ state, from, to: Math.max(now, from) });
    return pieces;
}

const OUTCOMES = [
    ['success', 'succeeded'], ['failure', 'failed'], ['rejected', 'rejected'], ['busy', 'found no place'],
    ['ignored', 'proved nothing'], ['cancelled', 'given up'],
];

// Shares of outcomes since the start: a bar, and the same in words.
export class Shares {
    constructor() {
        this.parts = OUTCOMES.map(([name]) => el('span', { class: `part ${name}` }));
        this.bar = el('div', { class: 'shares', 'aria-hidden': 'true' }, this.parts);
        this.text = el('p', { class: 'shares-text' });
        this.node = el('div', { class: 'outcomes' }, this.bar, this.text);
    }

    draw(counts) {
        const all = total(counts);
        OUTCOMES.forEach(([name], index) => {
            const part = this.parts[index];
            const grow = String(all === 0 ? 0 : counts[name] / all);
            if (part.style.flexGrow !== grow) part.style.flexGrow = grow;
            if (part.hidden !== (counts[name] === 0)) part.hidden = counts[name] === 0;
        });
        setText(this.text, this.words(counts, all));
    }

    words(counts, all) {
        if (all === 0) return 'no calls yet';
        const told = OUTCOMES.slice(1, 4).filter(([name]) => counts[name] > 0).map(([name, word]) => `${shortCount(counts[name])} ${word}`);
        return [`${shortCount(all)} ${all === 1 ? 'call' : 'calls'}`, ...(told.length ? told : ['all well'])].join(' · ');
    }
}

// One row for each outcome, for those who want the figures.
export function outcomeRows(counts) {
    const all = total(counts);
    const rows = OUTCOMES.map(([name, word]) => [name, word, counts[name], all === 0 ? '' : percent(counts[name] / all)])
        .filter(([name, , number]) => number > 0 || ['success', 'failure', 'rejected'].includes(name));
    if (counts.shadow_rejected > 0) rows.push(['shadow', 'would have been rejected', counts.shadow_rejected, '']);
    return rows;
}
