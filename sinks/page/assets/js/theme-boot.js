// Runs before the first paint, so that a chosen theme does not flash; theme.js does the rest.
try {
  const chosen = JSON.parse(localStorage.getItem('chronicast') ?? '{}').theme;
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // No storage: the system's theme holds.
}
