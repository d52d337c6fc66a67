// Keeps filter, order and the open breaker in the fragment of the address, for reloads and links.

export const ORDERS = {
    trouble: 'trouble first',
    name: 'name',
    failures: 'failures',
    rejected: 'rejected calls',
};

export class UrlState {
    // `onChange()` runs when the address changes by the back button or a link.
    constructor(onChange) {
        this.read();
        addEventListener('hashchange', () => {
            this.read();
            onChange();
        });
    }

    read() {
        const values = new URLSearchParams(location.hash.slice(1));
        this.filter = values.get('filter') ?? '';
        this.state = values.get('state') ?? '';
        this.sort = values.get('sort') in ORDERS ? values.get('sort') : 'trouble';
        this.breaker = values.get('breaker') ?? '';
    }

    // The address leaves defaults out.
    change(values) {
        Object.assign(this, values);
        const kept = new URLSearchParams();
        if (this.filter) kept.set('filter', this.filter);
        if (this.state) kept.set('state', this.state);
        if (this.sort !== 'trouble') kept.set('sort', this.sort);
        if (this.breaker) kept.set('breaker', this.breaker);
        const hash = kept.toString();
        const address = location.pathname + location.search + (hash && `#${hash}`);
        // Opening a breaker adds to the history, so that "back" closes it. Typing a filter does
        // not.
        if (values.breaker) history.pushState(null, '', address);
        else history.replaceState(null, '', address);
    }
}
