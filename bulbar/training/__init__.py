"""Networks and how they are fitted: architectures, trainer, fit cache, clusters, the fits of both studies."""
