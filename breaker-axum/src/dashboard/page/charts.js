// Draws the last two minutes, the last hour and the shares of outcomes, each with the same in
// words.

import { Component, freshId, html } from './elements.js';
import { count, isDown, percent, plural, shortCount, span, stateOf, total } from './labels.js';

const HEIGHT = 100;
// The least height of a bar, so that small numbers stay visible beside large ones.
const MIN_BAR = 5;

// Calls of each second. Those that succeeded are above the line, all others below it.
//
// Props: `points`, `now`, `chart`, and for the large form `gap`, `fallbacks` and `stripe`.
export class FlowChart extends Component {
    constructor(props) {
        super(props);
        this.stripes = freshId('stripes');
    }

    shouldComponentUpdate(next) {
        const step = next.chart.step_ms;
        return next.points !== this.props.points || Math.floor(next.now / step) !== Math.floor(this.props.now / step);
    }

    render({ points = [], now, chart, gap = 0, fallbacks = false, stripe = 10 }) {
        const steps = chart.points;
        const step = chart.step_ms;
        const end = Math.floor(now / step) * step;
        const start = end - (steps - 1) * step;
        const shown = points.filter(([at]) => at >= start && at <= end);
        const { base, paths } = flowPaths(shown, start, step, gap, fallbacks);
        const peak = Math.max(0, ...shown.map(([, s, f, r, , b]) => s + f + r + b));
        // Horizontal stripes stay stripes however the drawing is stretched.
        return html`<div class="flow" role="img" aria-label=${flowWords(shown, peak, steps * step)}>
            <svg class="drawing" preserveAspectRatio="none" aria-hidden="true" viewBox="0 0 ${steps} ${HEIGHT}">
                <defs><pattern id=${this.stripes} patternUnits="userSpaceOnUse" width="8" height=${stripe}>
                    <rect class="pale" width="8" height=${stripe} />
                    <rect class="full" width="8" height=${stripe * 0.62} />
                </pattern></defs>
                <path class="line" d="M0 ${base.toFixed(1)}H${steps}" />
                <path class="success" d=${paths.success} />
                <path class="failure" d=${paths.failure} />
                <path class="rejected" d=${paths.rejected} fill="url(#${this.stripes})" />
                ${fallbacks && html`<path class="fallback" d=${paths.fallback} />`}
            </svg>
            <span class="peak" aria-hidden="true">${peak > 0 ? `peak ${shortCount(peak)}/s` : 'no calls seen'}</span>
        </div>`;
    }
}

// The bars of the flow chart as SVG paths, and the height of its line.
function flowPaths(points, start, step, gap, fallbacks) {
    const up = Math.max(0, ...points.map(([, success]) => success));
    const down = Math.max(0, ...points.map(([, , failure, rejected, fallback, busy]) =>
        Math.max(failure + rejected + busy, fallbacks ? fallback : 0)));
    const whole = Math.max(up + down, 1);
    const share = Math.min(0.85, Math.max(0.15, up / whole));
    const base = down === 0 ? HEIGHT - 1 : up === 0 ? 1 : share * HEIGHT;
    const upwards = (number) => (number === 0 ? 0 : Math.max(MIN_BAR, (number / up) * (base - 1)));
    const downwards = (number) => (number === 0 ? 0 : Math.max(MIN_BAR, (number / down) * (HEIGHT - base - 1)));
    const bar = (x, y, height) =>
        (height === 0 ? '' : `M${x} ${y.toFixed(1)}h${1 - gap}v${height.toFixed(1)}h${gap - 1}z`);
    const paths = { success: '', failure: '', rejected: '', fallback: '' };
    for (const [at, success, failure, rejected, fallback, busy] of points) {
        const x = Math.round((at - start) / step);
        const good = upwards(success);
        const bad = downwards(failure);
        paths.success += bar(x, base - good, good);
        paths.failure += bar(x, base, bad);
        paths.rejected += bar(x, base + bad, Math.min(downwards(rejected + busy), HEIGHT - base - bad));
        if (fallback > 0) paths.fallback += `M${x} ${(base + downwards(fallback)).toFixed(1)}h1`;
    }
    return { base, paths };
}

function flowWords(points, peak, length) {
    const sum = (column) => points.reduce((all, point) => all + point[column], 0);
    if (peak === 0) return `Last ${span(length)}: no calls seen`;
    const busy = sum(5) > 0 ? `, ${count(sum(5))} were rejected as busy` : '';
    return `Last ${span(length)}: ${count(sum(1))} succeeded, ${count(sum(2))} failed, ${count(sum(3))} were rejected${busy}; `
        + `at most ${plural(peak, 'call', 'calls')} a second`;
}

// The states of the last hour. Working is a thin line, other states are taller the worse they are.
//
// Props: `breaker`, `now`, `history` and `since`.
export class HourChart extends Component {
    constructor(props) {
        super(props);
        this.model = hourModel(props);
    }

    shouldComponentUpdate(next) {
        const model = hourModel(next);
        if (model.key === this.model.key) return false;
        this.model = model;
        return true;
    }

    render() {
        const { bars, words } = this.model;
        return html`<div class="hour" role="img" aria-label=${words}>
            <svg class="drawing" preserveAspectRatio="none" viewBox="0 0 1000 20" aria-hidden="true">
                ${bars.map(({ state, left, width, height }) => html`<rect
                    class="state-${stateOf(state).technical.replace(' ', '-')}"
                    x=${left.toFixed(1)} y=${(20 - height) / 2} width=${width.toFixed(1)} height=${height} />`)}
            </svg>
        </div>`;
    }
}

function hourModel({ breaker, now, history, since }) {
    const pieces = stretches(breaker, now, Math.max(now - history, since));
    const x = (at) => Math.max(0, Math.min(1000, 1000 - ((now - at) / history) * 1000));
    const bars = pieces.map(({ state, from, to }) => {
        // A minimum width keeps an outage of ten seconds visible in an hour.
        const width = Math.max(x(to) - x(from), state === 'closed' ? 1 : 9);
        const left = Math.min(x(from), 1000 - width);
        const height = state === 'closed' ? 4 : isDown(state) ? 20 : 12;
        return { state, left, width, height };
    });
    // The worst state is drawn last, above the others.
    bars.sort((a, b) => stateOf(b.state).rank - stateOf(a.state).rank);
    const key = bars.map(({ state, left, width }) => `${state} ${left.toFixed(0)} ${width.toFixed(0)}`).join();
    return { bars, key, words: hourWords(pieces, history) };
}

function hourWords(pieces, history) {
    const outages = pieces.filter(({ state }, index) => isDown(state) && !isDown(pieces[index - 1]?.state)).length;
    const time = pieces.filter(({ state }) => isDown(state)).reduce((sum, { from, to }) => sum + to - from, 0);
    const whole = history === 3600000 ? 'Last hour' : `Last ${span(history)}`;
    return outages === 0 ? `${whole}: never down` : `${whole}: down ${plural(outages, 'time', 'times')}, ${span(time)} in all`;
}

// The states of a breaker with their times. Before `begin` nothing is known.
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
    // An open breaker is half-open when its time is over. No event reports that before the first
    // trial.
    if (state !== breaker.state && breaker.state === 'half_open' && breaker.state_changed_at > from) {
        pieces.push({ state, from, to: breaker.state_changed_at });
        from = breaker.state_changed_at;
        state = breaker.state;
    }
    pieces.push({ state, from, to: Math.max(now, from) });
    return pieces;
}

const OUTCOMES = [
    ['success', 'succeeded'], ['failure', 'failed'], ['rejected', 'rejected'], ['busy', 'rejected as busy'],
    ['ignored', 'ignored'], ['cancelled', 'dropped by the caller'],
];

// The shares of outcomes since the start: a bar, and the same in words.
export function Shares({ counts }) {
    const all = total(counts);
    return html`<div class="outcomes">
        <div class="shares" aria-hidden="true">${OUTCOMES.map(([name]) => html`<span
            class="part ${name}" hidden=${counts[name] === 0}
            style=${{ flexGrow: String(all === 0 ? 0 : counts[name] / all) }} />`)}</div>
        <p class="shares-text">${sharesWords(counts, all)}</p>
    </div>`;
}

function sharesWords(counts, all) {
    if (all === 0) return 'no calls yet';
    const others = OUTCOMES.slice(1, 4).filter(([name]) => counts[name] > 0)
        .map(([name, word]) => `${shortCount(counts[name])} ${word}`);
    return [`${shortCount(all)} ${all === 1 ? 'call' : 'calls'}`, ...(others.length ? others : ['all succeeded'])].join(' · ');
}

// The same as figures, a row for each outcome: `[name, word, number, share]`.
export function outcomeRows(counts) {
    const all = total(counts);
    const rows = OUTCOMES.map(([name, word]) => [name, word, counts[name], all === 0 ? '' : percent(counts[name] / all)])
        .filter(([name, , number]) => number > 0 || ['success', 'failure', 'rejected'].includes(name));
    if (counts.shadow_rejected > 0) rows.push(['shadow', 'would have been rejected', counts.shadow_rejected, '']);
    return rows;
}
