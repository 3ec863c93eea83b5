"""Networks and their training: architectures, trainer, fit cache, clusters, the fits of both studies."""
