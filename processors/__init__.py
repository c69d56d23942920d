"""Views, one package each: pure folds over the log."""
