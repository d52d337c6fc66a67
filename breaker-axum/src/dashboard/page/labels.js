// Writes states, times and numbers in words for people.

// The worst state comes first. `word` is for people who do not know circuit breakers, `technical`
// is the word of logs and metrics.
export const STATES = {
    open: {
        word: 'Down', technical: 'open', says: 'is down', rank: 0,
        means: 'Too many calls failed. Calls are rejected, and users get the fallbacks at once.',
    },
    forced_open: {
        word: 'Blocked', technical: 'forced open', says: 'is blocked manually', rank: 1,
        means: 'An operator blocked it. Calls are rejected, even if it is healthy, and users get the fallbacks.',
    },
    half_open: {
        word: 'On trial', technical: 'half-open', says: 'is being tried again', rank: 2,
        means: 'A few calls (probes) show whether it works again. All others are rejected, and users get the fallbacks.',
    },
    disabled: {
        word: 'Unguarded', technical: 'disabled', says: 'is no longer guarded', rank: 3,
        means: 'An operator switched the breaker off. Every call is made, even if all of them fail.',
    },
    shadow: {
        word: 'Watched', technical: 'shadow', says: 'is only watched', rank: 4,
        means: 'The breaker counts and reports what it would do, but rejects no call.',
    },
    closed: {
        word: 'Working', technical: 'closed', says: 'is working', rank: 5,
        means: 'Calls are made, and their failures are counted.',
    },
};

export function stateOf(name) {
    return STATES[name] ?? { word: name, technical: name, says: `is ${name}`, rank: 0, means: '' };
}

export function isDown(state) {
    return state === 'open' || state === 'forced_open';
}

// A time in milliseconds, in at most two units: "12 s", "1 min 05 s", "2 h 07 min", "3 d 4 h".
export function span(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const two = (number) => String(number).padStart(2, '0');
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
    return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

// A countdown rounds up, so that it ends at 1 s rather than 0 s.
export function countdown(milliseconds) {
    return span(Math.ceil(milliseconds / 1000) * 1000);
}

const numbers = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const count = (number) => numbers.format(number);
export const shortCount = (number) => (number < 10000 ? numbers.format(number) : compact.format(number));
export const percent = (share) => (share > 0 && share < 0.01 ? '<1 %' : share < 1 && share > 0.99 ? '>99 %' : `${Math.round(share * 100)} %`);

// The time of day, with the date if it is more than 12 hours away.
export function timeOfDay(at, now) {
    return (Math.abs(now - at) < 43200000 ? clock : day).format(at);
}

export function plural(number, one, many) {
    return `${count(number)} ${number === 1 ? one : many}`;
}

// A short form for announcements and labels, since a name can have 10 kB.
export function brief(text, max = 80) {
    const flat = text.replace(/\s+/gu, ' ');
    return flat.length > max ? `${flat.slice(0, max - 1)}…` : flat;
}

export function total(counts) {
    return counts.success + counts.failure + counts.rejected + counts.busy + counts.ignored + counts.cancelled;
}

// The time until calls are admitted again; `null` if the breaker knows none.
export function untilRetry(breaker, now) {
    if (breaker.retry_at === null || breaker.retry_at === undefined || breaker.state === 'closed') return null;
    return Math.max(0, breaker.retry_at - now);
}

// Since when a breaker has been in its state, and why. An outage with its failed attempts counts as
// one state. `atLeast` says that it began before the known history.
export function outage(breaker) {
    const isOut = (state) => state === 'open' || state === 'half_open';
    if (!isOut(breaker.state)) return { from: breaker.state_changed_at, because: breaker.opened_because, atLeast: false, attempts: 0 };
    const changes = (breaker.transitions ?? []).filter(({ shadow }) => !shadow);
    let attempts = 0;
    for (let at = changes.length - 1; at >= 0; at -= 1) {
        const { at: from, old, new: state, because } = changes[at];
        if (!isOut(old)) return { from, because: because ?? breaker.opened_because, atLeast: false, attempts };
        if (old === 'half_open' && state === 'open') attempts += 1;
    }
    const from = Math.min(breaker.state_changed_at, changes[0]?.at ?? breaker.state_changed_at);
    return { from, because: breaker.opened_because, atLeast: changes.length > 0, attempts };
}

// Whether calls have failed within the chart's two minutes and since the last change of state.
// A success does not end that, so that the page does not change with each call.
export function failing(breaker) {
    return breaker.consecutive_failures > 0
        || (breaker.points ?? []).some(([at, , failure]) => failure > 0 && at > breaker.state_changed_at + 1000);
}

// Whether calls found no free slot within the chart's two minutes.
export function crowded(breaker) {
    return (breaker.points ?? []).some(([, , , , , busy]) => busy > 0);
}

// What happens next, in words; empty if nothing does.
export function next(breaker, now) {
    const left = untilRetry(breaker, now);
    switch (breaker.state) {
        case 'open':
            if (left === null) return '';
            return left > 0 ? `next attempt in ${countdown(left)}` : 'the next call is a probe';
        case 'half_open':
            return left > 0 ? `next attempt in ${countdown(left)} at the latest` : 'the next call is a probe';
        case 'forced_open':
            return left > 0 ? `for another ${countdown(left)}` : 'until an operator releases it';
        case 'disabled':
        case 'shadow':
            return 'until an operator releases it';
        default:
            return breaker.ramp_share === null || breaker.ramp_share === undefined
                ? '' : `${percent(breaker.ramp_share)} of the calls are made, and more over time`;
    }
}

// The overall state in one sentence, which an operator wants to read first.
export function verdict(breakers) {
    const all = breakers.length;
    if (all === 0) return { text: 'No dependency is guarded yet', tone: 'idle' };
    const down = breakers.filter((breaker) => isDown(breaker.state)).length;
    const trial = breakers.filter((breaker) => breaker.state === 'half_open').length;
    const noun = all === 1 ? 'dependency' : 'dependencies';
    const be = (number) => (number === 1 ? 'is' : 'are');
    if (down > 0) {
        const tried = trial > 0 ? `, ${count(trial)} ${be(trial)} being tried again` : '';
        return { text: `${count(down)} of ${count(all)} ${noun} ${be(down)} down${tried}`, tone: 'down' };
    }
    if (trial > 0) return { text: `${count(trial)} of ${count(all)} ${noun} ${be(trial)} being tried again`, tone: 'trial' };
    return { text: all === 1 ? 'The one dependency is working' : `All ${count(all)} dependencies are working`, tone: 'working' };
}
