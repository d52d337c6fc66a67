// Reads the server's events while the page is open, and reconnects by itself.

const MAX_WAIT = 5000;

// `onEvent(kind, data)` gets every event. `onLost(since)` and `onFound()` report the connection.
export class Events {
    constructor(onEvent, onLost, onFound) {
        Object.assign(this, { onEvent, onLost, onFound });
        this.tick = 1000;
        this.lastEvent = performance.now();
        this.wait = 500;
        this.failedOnce = false;
        this.lost = false;
        this.source = null;
        this.retry = 0;
        this.connect();
        setInterval(() => this.watch(), 500);
        // After a network is back, or a page was suspended, there is no reason to wait.
        addEventListener('online', () => this.reconnect());
        document.addEventListener('visibilitychange', () => {
            if (!document.hidden && this.lost) this.reconnect();
        });
    }

    connect() {
        clearTimeout(this.retry);
        this.retry = 0;
        this.source?.close();
        this.started = performance.now();
        this.source = new EventSource('events');
        for (const kind of ['hello', 'full', 'tick', 'transition', 'audit']) {
            this.source.addEventListener(kind, (event) => this.receive(kind, event.data));
        }
        // The server ends each stream after a time, and asks the page to connect again.
        this.source.addEventListener('again', () => this.reconnect());
        this.source.onerror = () => this.fail();
    }

    // Connects at once. After a login the new stream says what is allowed now.
    reconnect() {
        this.wait = 500;
        this.connect();
    }

    receive(kind, data) {
        let parsed;
        try {
            parsed = JSON.parse(data);
        } catch {
            return this.fail();
        }
        this.lastEvent = performance.now();
        if (kind === 'hello') this.tick = parsed.tick_ms ?? 1000;
        this.onEvent(kind, parsed);
        if (kind === 'full') {
            this.wait = 500;
            this.failedOnce = false;
            if (this.lost) {
                this.lost = false;
                this.onFound();
            }
        }
    }

    // Three missing ticks are a lost connection, even if no end of it has reported that.
    watch() {
        const now = performance.now();
        const limit = this.tick * 3 + 500;
        if (this.retry || now - this.lastEvent < limit || now - this.started < limit) return;
        this.failedOnce = true;
        this.fail();
    }

    fail() {
        this.source?.close();
        // The first failure may be a regular end. A second consecutive one is reported.
        if (this.failedOnce && !this.lost) {
            this.lost = true;
            this.onLost(this.lastEvent);
        }
        this.failedOnce = true;
        if (this.retry) return;
        const wait = this.wait * (0.75 + Math.random() / 2);
        this.wait = Math.min(this.wait * 2, MAX_WAIT);
        this.retry = setTimeout(() => this.connect(), wait);
    }
}
