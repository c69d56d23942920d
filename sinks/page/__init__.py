"""The page that viewers see: static HTML, CSS and JavaScript, and the routes that serve it."""
