// Shows one breaker in the list.

import { Component, foreign, html } from './elements.js';
import { FlowChart, HourChart, Shares } from './charts.js';
import { icon } from './icons.js';
import { count, crowded, failing, next, outage, plural, shortCount, span, stateOf, total, untilRetry } from './labels.js';

// Props: `breaker`, `store`, `open(name)`, `watch(row)` and `unwatch(row)`.
//
// A row out of view is not drawn again. `watch` sets `visible`.
export class Row extends Component {
    componentDidMount() {
        this.props.watch(this);
    }

    componentWillUnmount() {
        this.props.unwatch(this);
    }

    shouldComponentUpdate({ breaker }) {
        return this.visible && breaker !== this.drawn;
    }

    render({ breaker, store, open }) {
        this.drawn = breaker;
        const now = store.now();
        const state = stateOf(breaker.state);
        const noCalls = breaker.state === 'closed' && total(breaker.counts) === 0;
        return html`<li class="row" data-state=${breaker.state}>
            <div class="status">
                <span class="mark">${icon(breaker.state)}</span>
                <span class="words"><span class="word">${state.word}</span> <span class="technical">${state.technical}</span></span>
            </div>
            <div class="who">
                <h3><button type="button" class="name" onclick=${() => open(breaker.name)}>${foreign(breaker.label || breaker.name)}</button></h3>
                <span class="tag" hidden=${!breaker.critical} title="While it is not working, the whole service counts as degraded">critical</span>
                <p class="times"><span class="since">${noCalls ? 'no calls yet' : since(breaker, now)}</span><span class="next">${next(breaker, now)}</span></p>
                <${Countdown} breaker=${breaker} now=${now} />
            </div>
            <div class="recent"><${FlowChart} points=${breaker.points} now=${now} chart=${store.chart} /></div>
            <${Shares} counts=${breaker.counts} />
            <${HourChart} breaker=${breaker} now=${now} history=${store.history} since=${store.since} />
            <${Story} breaker=${breaker} />
        </li>`;
    }
}

function Countdown({ breaker, now }) {
    const left = untilRetry(breaker, now);
    const whole = breaker.retry_at - breaker.state_changed_at;
    const running = left > 0 && whole > 0;
    const value = running ? Math.max(0, Math.min(1, 1 - left / whole)) : 0;
    return html`<progress class="countdown" max="1" aria-hidden="true" hidden=${!running} value=${value} />`;
}

// Why the breaker is in its state, and what users get: only if there is a problem.
function Story({ breaker }) {
    const down = breaker.state !== 'closed';
    const fails = failing(breaker);
    const full = crowded(breaker);
    // The reason of the first opening. The number of attempts says that later ones have failed too.
    const { because } = outage(breaker);
    const served = breaker.fallbacks ?? [];
    const failed = breaker.failed_fallbacks ?? [];
    const turnedAway = breaker.counts.rejected + breaker.counts.busy > 0;
    const lines = [
        ['Why', down && because && foreign(because)],
        ['Consecutive failures', fails && !breaker.opened_because && streakParts(breaker.consecutive_failures, breaker.fail_max)],
        ['In flight', full && breaker.places && slotsWords(breaker.places, breaker.counts.busy)],
        ['Last error', (down || fails) && breaker.last_error && errorParts(breaker.last_error)],
        ['Users get', (down || fails || full) && (served.length + failed.length > 0 || turnedAway) && usersParts(served, failed)],
    ].filter(([, value]) => value);
    return html`<dl class="story" hidden=${lines.length === 0}>
        ${lines.map(([title, value]) => html`<div key=${title}><dt>${title}</dt><dd>${value}</dd></div>`)}
    </dl>`;
}

// An outage is as old as its first opening, however many attempts have failed since.
function since(breaker, now) {
    const { from, atLeast, attempts } = outage(breaker);
    const time = `for ${atLeast ? 'more than ' : ''}${span(now - from)}`;
    return attempts > 0 ? `${time}, ${plural(attempts, 'attempt', 'attempts')} failed` : time;
}

export function errorParts(error) {
    const type = foreign(error.type.split('::').at(-1), { class: 'type' });
    return error.message ? [foreign(error.message), ' ', type] : [type];
}

// What users get instead: the sources of fallbacks with their numbers, and the errors.
export function usersParts(served, failed) {
    const errors = failed.filter(({ reason }) => reason !== 'cut_off').reduce((sum, { times }) => sum + times, 0);
    if (served.length + errors === 0) return ['an error, since there is no fallback'];
    const sums = new Map();
    for (const { source, times } of served) sums.set(source, (sums.get(source) ?? 0) + times);
    const part = (source, times) => html`<span class="source">${source} <b>${shortCount(times)}</b></span>`;
    const parts = [...sums].sort((a, b) => b[1] - a[1]).map(([source, times]) => part(foreign(source), times));
    return errors > 0 ? [...parts, part('an error, since no fallback answered', errors)] : parts;
}

function slotsWords([used, max], busy) {
    return `${count(used)} of ${count(max)} calls at once; ${plural(busy, 'call', 'calls')} rejected as busy`;
}

// `max` is null if no number of consecutive failures opens the breaker.
function streakParts(streak, max) {
    if (max === null) return `${streak}; another rule opens the breaker`;
    const pips = max > 12 ? [] : Array.from({ length: max }, (_, at) => html`<i class=${at < streak ? 'full' : null} />`);
    return html`<span class="pips" aria-hidden="true">${pips}</span>${streak} of ${max}, then it opens`;
}
