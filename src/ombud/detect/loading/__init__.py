"""From rule files to rules, filters and correlations, or the reason why not."""
