new EventSource('events').addEventListener('full', (event) => {
    document.body.textContent = event.data;
});
