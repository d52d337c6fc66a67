// Store: what the server has told so far, and its clock.

const MOST_CHANGES = 60;

export class Store {
    constructor() {
        this.breakers = new Map();
        this.status = 'healthy';
        this.actions = 'off';
        this.chart = { points: 120, step_ms: 1000 };
        this.history = 3600000;
        this.since = 0;
        // So many unhealthy values of keys have no room.
        this.leftOut = 0;
        // The last changes of all breakers, newest first: `{name, transition}`.
        this.changes = [];
        this.offset = Date.now() - performance.now();
        this.frozenAt = null;
    }

    // The server's time; the client's clock, which may be wrong, only counts on from what was heard last.
    now() {
        return this.frozenAt ?? performance.now() + this.offset;
    }

    // Small differences are the network's; following each of them would make the seconds stumble.
    setClock(now) {
        const offset = now - performance.now();
        if (Math.abs(offset - this.offset) > 400) this.offset = offset;
        this.frozenAt = null;
    }

    // Nothing is known of what has happened since, so the clocks stand still.
    freeze() {
        this.frozenAt ??= performance.now() + this.offset;
    }

    hello(hello) {
        this.actions = hello.actions;
        this.chart = hello.chart ?? this.chart;
        this.history = hello.history_ms ?? this.history;
        this.since = hello.history_since ?? this.since;
        this.setClock(hello.server_time);
    }

    full({ now, status, breakers, left_out: leftOut }) {
        this.setClock(now);
        this.leftOut = leftOut ?? 0;
        this.status = status;
        this.breakers = new Map(breakers.map((breaker) => [breaker.name, breaker]));
        this.changes = breakers
            .flatMap(({ name, transitions }) => (transitions ?? []).map((transition) => ({ name, transition })))
            .sort((a, b) => b.transition.sequence - a.transition.sequence)
            .slice(0, MOST_CHANGES);
    }

    // Returns the names of those that are not as before.
    tick({ now, status, breakers, gone, left_out: leftOut }) {
        this.setClock(now);
        this.leftOut = leftOut ?? this.leftOut;
        this.status = status;
        for (const breaker of breakers) this.merge(breaker);
        for (const name of gone ?? []) this.breakers.delete(name);
        return breakers.map((breaker) => breaker.name);
    }

    transition({ name, transition, breaker }) {
        if (breaker) this.merge(breaker);
        const known = this.breakers.get(name);
        if (known && !known.transitions?.some(({ sequence }) => sequence === transition.sequence)) {
            known.transitions = [...(known.transitions ?? []), transition];
        }
        if (!this.changes.some((change) => change.transition.sequence === transition.sequence)) {
            this.changes = [{ name, transition }, ...this.changes].slice(0, MOST_CHANGES);
        }
    }

    merge(news) {
        const known = this.breakers.get(news.name);
        const points = known ? this.points(known.points ?? [], news.points ?? []) : news.points ?? [];
        this.breakers.set(news.name, { ...known, ...news, points });
    }

    // A step that is still going on comes again with more in it.
    points(old, fresh) {
        if (fresh.length === 0) return old;
        const first = fresh[0][0];
        const oldest = fresh.at(-1)[0] - this.chart.points * this.chart.step_ms;
        return [...old.filter(([at]) => at < first && at > oldest), ...fresh];
    }
}
